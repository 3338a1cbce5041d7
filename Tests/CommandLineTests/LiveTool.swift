import Foundation
import Testing

/// `uio2` while it runs, with its streams where a test wants them.
final class LiveTool {
  let process = Process()
  /// What it writes to standard output and error, unless a test has put those elsewhere.
  let output: URL
  let errors: URL

  /// Starts it in the repository, without input.
  ///
  /// - Parameters:
  ///   - folder: for the files of both streams.
  ///   - standardOutput: in place of a file.
  ///   - standardError: in place of a file.
  init(
    _ arguments: [String], in folder: URL, standardOutput: FileHandle? = nil, standardError: FileHandle? = nil,
    environment: [String: String] = [:]
  ) throws {
    output = folder.appending(path: "stdout")
    errors = folder.appending(path: "stderr")
    for file in [output, errors] { try Data().write(to: file) }
    process.executableURL = try BuiltTool.location()
    process.arguments = arguments
    process.currentDirectoryURL = BuiltTool.repository
    var variables = ProcessInfo.processInfo.environment
    variables["UIO2_PYTHON"] = nil
    process.environment = variables.merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try standardOutput ?? FileHandle(forWritingTo: output)
    process.standardError = try standardError ?? FileHandle(forWritingTo: errors)
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// Sends a signal.
  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the end, at most for a minute.
  ///
  /// - Returns: the exit status; `nil` when it goes on, or when a signal ended it.
  func status() -> Int32? {
    guard waitUntil({ !process.isRunning }) else { return nil }
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : nil
  }

  /// What has been written to standard error so far.
  var said: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
}

/// Waits until `condition` holds, at most for a minute.
@discardableResult
func waitUntil(_ condition: () -> Bool) -> Bool {
  let limit = ContinuousClock.now + .seconds(60)
  while !condition() {
    guard ContinuousClock.now < limit else { return false }
    usleep(10_000)
  }
  return true
}

/// Whether a process of this number runs; what is left of one that has ended does not.
func isRunning(_ number: pid_t) -> Bool {
  let status = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
  let state = status.split(separator: ")").last?.dropFirst().first
  return kill(number, 0) == 0 && state != "Z" && state != "X"
}
