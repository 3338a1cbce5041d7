import Foundation
import TestSupport
import Testing

/// The program that this package builds, run as a user runs it.
enum BuiltTool {
  /// What a run left behind.
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// The folder of `Package.swift`.
  static let repository = BuiltProgram.repository

  /// The program beside the test bundle.
  static func location() throws -> URL { try BuiltProgram("uio2").location }

  /// Runs `uio2` to its end.
  ///
  /// - Parameters:
  ///   - whenOutputContains: a text after whose first appearance on standard output `signal` is sent.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], signal: Int32? = nil, whenOutputContains: String = ""
  ) throws -> Outcome {
    try run(location(), arguments, environment: environment, signal: signal, whenOutputContains: whenOutputContains)
  }

  /// Runs any program to its end.
  static func run(
    _ program: URL, _ arguments: [String], environment: [String: String] = [:], signal: Int32? = nil,
    whenOutputContains mark: String = ""
  ) throws -> Outcome {
    try withFolder { folder in
      // Files rather than pipes: nothing can fill up while nobody reads.
      let output = folder.appending(path: "output")
      let errors = folder.appending(path: "errors")
      for file in [output, errors] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = program
      process.arguments = arguments
      process.currentDirectoryURL = repository
      var variables = ProcessInfo.processInfo.environment
      variables["UIO2_PYTHON"] = nil
      variables["COLUMNS"] = "80"
      process.environment = variables.merging(environment) { _, new in new }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      if let signal {
        let limit = ContinuousClock.now + .seconds(20)
        while try !String(contentsOf: output, encoding: .utf8).contains(mark), process.isRunning,
          ContinuousClock.now < limit
        {
          Thread.sleep(forTimeInterval: 0.02)
        }
        kill(process.processIdentifier, signal)
      }
      let limit = ContinuousClock.now + .seconds(60)
      while process.isRunning, ContinuousClock.now < limit { Thread.sleep(forTimeInterval: 0.01) }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
      return Outcome(
        status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
        errors: try String(contentsOf: errors, encoding: .utf8))
    }
  }

  /// Starts `uio2` and gives it to `body` once `file` is there; it is ended afterwards.
  static func running<Result>(
    _ arguments: [String], until file: URL, _ body: (Process) throws -> Result
  ) throws -> Result {
    let process = Process()
    process.executableURL = try location()
    process.arguments = arguments
    process.currentDirectoryURL = repository
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let limit = ContinuousClock.now + .seconds(20)
    while !FileManager.default.fileExists(atPath: file.path), process.isRunning, ContinuousClock.now < limit {
      Thread.sleep(forTimeInterval: 0.01)
    }
    return try body(process)
  }

  /// Gives `body` a new folder and removes it afterwards.
  static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  /// Writes a program for the shell into `folder` and returns its path.
  static func script(_ text: String, in folder: URL) throws -> String {
    let file = folder.appending(path: "python")
    try Data(("#!/bin/sh\n" + text + "\n").utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    return file.path
  }
}
