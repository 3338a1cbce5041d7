import AccessKeys
import ArgumentParser
import Foundation
import RobotInterface

/// How a command proves to a daemon who it is.
struct KeyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("For a daemon with --keys: this program's private key (uio2 keys new).", valueName: "file"),
    completion: .file())
  var key: String?

  @Option(
    help: ArgumentHelp(
      "The daemon's public key, where the private file names none or another (daemon.key).", valueName: "file"),
    completion: .file())
  var serverKey: String?

  func validate() throws {
    if serverKey != nil, key == nil { throw ValidationError("--server-key goes with --key.") }
  }

  /// The key; `nil` where none is named.
  ///
  /// - Throws: ``CommandFailure`` with the file at fault.
  func load() throws -> ClientKey? {
    do throws(RobotError) {
      guard let key else { return nil }
      return try ClientKey(path: key, daemonPath: serverKey)
    } catch {
      throw CommandFailure(keys: error)
    }
  }

  /// The same options for a robot that this command starts.
  var arguments: [String] {
    let path = { (file: String) in URL(filePath: file).path }
    return (key.map { ["--key", path($0)] } ?? []) + (serverKey.map { ["--server-key", path($0)] } ?? [])
  }
}

extension CommandFailure {
  /// What is wrong with a key.
  init(keys error: RobotError) {
    self.init(error.code == .internal ? .unwritable : .badData, "\(error.subject): \(error.message)")
  }
}
