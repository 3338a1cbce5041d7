import DaemonBenchmark
import Files
import Foundation
import Logging
import ModelBenchmark
import RobotInterface
import RobotPolicy
import Tensors

/// What `uio2 bench` measures beside a model's stages.
extension Bench {
  /// The daemon without a model.
  func benchDaemon(_ target: OutputTarget?) throws {
    guard let file = Locations.packageRoot?.appending(path: "Benchmarks/daemon/camera.jpg") else {
      throw CommandFailure(.unavailable, "the picture is Benchmarks/daemon/camera.jpg of the repository; run it there")
    }
    let benchmark = try DaemonBenchmark(picture: try InputFile.bytes(of: file.path), steps: steps ?? 1000)
    let logger = Logger(label: "uio2", factory: { _ in SwiftLogNoOpLogHandler() })
    let daemons = try [true, false].map { try LocalDaemon(benchmark.policy, usesLibzmq: $0, logger: logger) }
    for daemon in daemons { daemon.start {} }
    defer { for daemon in daemons { daemon.stop() } }
    let report = try benchmark.run(
      daemons: [("over libzmq", daemons[0].endpoint), ("over our own ZMTP", daemons[1].endpoint)],
      echo: daemons[0].address("echo"))
    try JSONFile.write(report, to: target)
    try Console.say(report.text)
  }

  /// A policy, one robot after the other or several together.
  func benchPolicy(_ folder: URL, _ target: OutputTarget?) throws {
    let ceilings = CeilingMeter().measureBest()
    // The ceilings took memory of their own.
    Measurements.resetPeakMemory()
    let clock = ContinuousClock(), start = clock.now
    let bundle = try PolicyBundle.load(from: folder)
    let policy = try UnifiedIOPolicy(bundle: bundle, weights: compute.options)
    let loaded = (clock.now - start).seconds
    let benchmark = PolicyBenchmark(
      policy, specification: bundle.specification, steps: steps ?? (sessions.isEmpty ? 200 : 20))
    let subject = try BenchmarkSubject(folder.path, compute: compute, cache: cache)
    let format = try compute.weights ?? WeightFormat.suited(to: Checkpoint(directory: subject.folder))
    var report = BenchmarkReport(
      model: size, weights: compute.options, format: format, ceilings: ceilings, loadSeconds: loaded,
      weightBytes: try subject.weightBytes(as: format))
    report.cases = sessions.isEmpty ? [try benchmark.run()] : try benchmark.together(sessions)
    report.peakMemory = Measurements.peakMemorySinceReset
    try JSONFile.write(report, to: target)
    try Console.say(([report.head] + report.cases.map(\.text) + [report.foot]).joined(separator: "\n\n"))
  }

  /// What smaller weights change.
  func reportDistortion(_ subject: BenchmarkSubject, _ target: OutputTarget?) throws {
    let inputs = try subject.recordedInputs()
    let display = BenchmarkDisplay()
    defer { display.end() }
    let report = try Distortion.measure(
      subject.folder, inputs: inputs.inputs, constraint: inputs.constraint, maximumTokens: inputs.maximumTokens,
      onProgress: { display.show($0) })
    display.end()
    try JSONFile.write(report, to: target)
    try Console.say(report.text)
  }
}
