import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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
    let complaints: String
    /// The last line of it.
    var complaint: String { String(complaints.split(whereSeparator: \.isNewline).last ?? "it did not say why") }
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
    let process = Process(), output = Pipe(), errors = Pipe()
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    do {
      try process.run()
    } catch {
      throw ModelError(.unreadableFile, executable.path, "cannot be started: \(error.localizedDescription)")
    }
    // The child has its own; ours would keep the pipes from ending.
    try? output.fileHandleForWriting.close()
    try? errors.fileHandleForWriting.close()
    var printed: [UInt8] = [], complaints: [UInt8] = []
    let failure = collect(
      output.fileHandleForReading.fileDescriptor, &printed, errors.fileHandleForReading.fileDescriptor, &complaints,
      limits: limits)
    if failure != nil, process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    if let failure { throw ModelError(.unreadableFile, executable.lastPathComponent, failure) }
    return Outcome(
      output: printed, succeeded: process.terminationReason == .exit && process.terminationStatus == 0,
      complaints: String(decoding: complaints.suffix(2000), as: UTF8.self))
  }

  /// Reads both pipes to their ends, by turns, so that neither fills up and stops the program.
  ///
  /// - Returns: why it was given up.
  private func collect(
    _ output: Int32, _ printed: inout [UInt8], _ errors: Int32, _ complaints: inout [UInt8], limits: Limits
  ) -> String? {
    let deadline = ContinuousClock.now + .seconds(limits.time)
    var open = [
      pollfd(fd: output, events: Int16(POLLIN), revents: 0), pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
    ]
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      guard ContinuousClock.now < deadline else { return "took more than \(Int(limits.time)) seconds" }
      guard poll(&open, nfds_t(open.count), 100) > 0 else { continue }
      for entry in open where entry.revents != 0 {
        let count = read(entry.fd, &buffer, buffer.count)
        if count <= 0 {
          if count == 0 || errno != EINTR { open.removeAll { $0.fd == entry.fd } }
        } else if entry.fd == output {
          printed += buffer.prefix(count)
          if printed.count > limits.output { return "gave more than \(limits.output) bytes" }
        } else {
          complaints = complaints.suffix(4096) + buffer.prefix(count)
        }
      }
    }
    return nil
  }
}
