import Foundation
import TestSupport

/// The program `kernel-driver`, for what would disturb other tests of this process.
enum KernelDriver {
  /// What a run left behind.
  struct Outcome {
    var status: Int32
    var output: String
  }

  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try run(BuiltProgram("kernel-driver").location, arguments, environment: environment)
  }

  /// Runs any program to its end; `output` is what it wrote, errors included.
  static func run(_ program: URL, _ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    let process = Process(), pipe = Pipe()
    process.executableURL = program
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment
    variables["UIO2_KERNELS"] = nil
    process.environment = variables.merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
  }
}
