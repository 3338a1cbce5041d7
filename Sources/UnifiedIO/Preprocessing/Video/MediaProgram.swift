import Foundation
import Processes

/// `ffmpeg` or `ffprobe`, run once for what it prints.
struct MediaProgram {
  /// How much it may print and how long it may take.
  struct Limits {
    /// Bytes; what is longer is an error.
    var output = 512 << 20
    /// Seconds.
    var time = 120.0
  }

  /// What became of a run.
  struct Outcome {
    let output: [UInt8]
    /// Whether it ended with status 0.
    let succeeded: Bool
    /// The end of what it complained about.
    let complaint: String
  }

  private let executable: URL

  /// - Throws: ``ModelError`` `.unreadableFile` when the program is not on the PATH.
  init(_ name: String) throws(ModelError) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    let candidates = folders.map { URL(filePath: String($0)).appending(path: name) }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
      throw ModelError(.unreadableFile, name, "is needed to read this file and not installed: apt-get install ffmpeg")
    }
    executable = found
  }

  /// Runs the program without input.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` when it cannot be started, prints too much or takes too long.
  func run(_ arguments: [String], limits: Limits = Limits()) throws(ModelError) -> Outcome {
    let child: ChildProcess
    do throws(ChildProcessError) {
      child = try ChildProcess(
        ChildProcess.Command(executable: executable.path, arguments: arguments, lifeline: .kernel))
    } catch {
      throw ModelError(.unreadableFile, executable.path, "cannot be started: \(error.message)")
    }
    var output: [UInt8] = [], complaints: [UInt8] = []
    let deadline = ContinuousClock.now + .seconds(limits.time)
    while true {
      switch child.next(within: max(.zero, deadline - .now)) {
      case .output(let bytes)?:
        output += bytes
        guard output.count <= limits.output else { throw failure(child, "gave more than \(limits.output) bytes") }
      case .diagnostics(let bytes)?: complaints = complaints.suffix(4096) + bytes
      case .ended(let exit)?: return Outcome(output: output, exit: exit, complaints: complaints)
      case nil: throw failure(child, "took more than \(Int(limits.time)) seconds")
      }
      guard ContinuousClock.now < deadline else { throw failure(child, "took more than \(Int(limits.time)) seconds") }
    }
  }

  private func failure(_ child: ChildProcess, _ reason: String) -> ModelError {
    child.end()
    return ModelError(.unreadableFile, executable.lastPathComponent, reason)
  }
}

extension MediaProgram.Outcome {
  fileprivate init(output: [UInt8], exit: ChildProcess.Exit, complaints: [UInt8]) {
    let lines = String(decoding: complaints.suffix(2000), as: UTF8.self).split(whereSeparator: \.isNewline)
    self.init(
      output: output, succeeded: exit == .code(0), complaint: lines.last.map(String.init) ?? "ended with \(exit)")
  }
}
