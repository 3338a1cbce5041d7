import ArgumentParser
import Foundation
import Logging

// Stand-ins until the modules behind them are merged: delete this file and take `.pending` off the others' names.

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve a policy to robots over ZeroMQ.")
}

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model or a policy is: configuration, modalities, parameters, memory.")
}

struct Parity: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare this implementation with golden tensors of the official one.")
}

extension CommandFailure {
  static func modelFailure(_ error: any Error) -> CommandFailure? { nil }
}

final class LocalDaemon: Sendable {
  let endpoint = ""
  var failure: CommandFailure? { nil }
  init(policy: URL, logger: Logger) throws { throw CommandFailure(.unavailable, "no policy can be served yet") }
  func start(onFailure: @escaping @Sendable () -> Void) {}
  func stop() {}
}
