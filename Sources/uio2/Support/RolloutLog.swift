import Files
import Foundation
import LogOutput
import PolicyEvaluation

/// What a running rollout shows, and the report that it leaves.
final class RolloutLog {
  private(set) var report: RolloutReport
  var display = ProgressDisplay()
  private let target: OutputTarget?
  private let mayStop: Bool
  private let isVerbose: Bool
  private var writeFailure: RolloutError?

  /// - Parameters:
  ///   - target: where the report goes.
  ///   - mayStop: nothing is written but standard output, so that without its reader there is nothing to fly for.
  init(_ run: RolloutRun, target: OutputTarget?, mayStop: Bool, isVerbose: Bool) {
    report = RolloutReport(run)
    self.target = target
    self.mayStop = mayStop
    self.isVerbose = isVerbose
  }

  /// Why standard output cannot be written, once that is so.
  var outputFailure: CommandFailure? { display.failure }

  /// Whether there is nothing left to fly for.
  var hasStopped: Bool { mayStop && outputFailure != nil }

  /// Shows a line that the robot wrote for people.
  func note(_ line: String) {
    guard isVerbose else { return }
    display.erase()
    Console.complain(PrintableText.block(line))
    display.draw()
  }

  /// Takes an event; after each episode the report so far is written.
  func record(_ event: RolloutEvent) {
    report.record(event)
    display.show(event)
    if case .ready(let ready) = event { tellWhatFlies(ready.simulator) }
    guard case .episodeEnd = event, let target, target.isReplaceable else { return }
    // What was flown is flown: a full disk is told at the end.
    do throws(RolloutError) { try report.write(to: target) } catch { writeFailure = error }
  }

  /// Writes the report and the table of what was flown.
  ///
  /// - Parameters:
  ///   - cause: why not all episodes ran; `nil` when they did.
  /// - Throws: when one of them cannot be written.
  func end(because cause: (any Error)?, peakMemory: Int?) throws {
    report.peakMemory = peakMemory
    report.state = cause.map { .cutShort(Self.words(of: $0)) } ?? .complete
    guard !report.episodes.isEmpty else {
      if let target, FileManager.default.fileExists(atPath: target.path), target.isReplaceable {
        Console.complain("uio2: no episode was flown; \(PrintableText.line(target.path)) stays as it was")
      }
      return
    }
    if let target {
      do throws(RolloutError) {
        try report.write(to: target)
        writeFailure = nil
      } catch { writeFailure = error }
    }
    let table = Result {
      try Console.say("\n" + report.table())
      if let target, writeFailure == nil { try Console.say("\nreport  \(target.path)") }
    }
    if let writeFailure { throw writeFailure }
    try table.get()
  }

  /// Says what is not as the repository asks for.
  private func tellWhatFlies(_ simulator: RolloutEvent.Simulator?) {
    for module in simulator?.modules ?? [] {
      guard let pinned = module.pinned, module.version != pinned else { continue }
      complain(
        "\(module.name) \(module.version ?? "of no version") flies, Envs/requirements.txt asks for \(pinned); results may differ"
      )
    }
    if let folders = simulator?.pythonPath, !folders.isEmpty {
      complain("modules are looked for in \(folders.joined(separator: ", ")) first")
    }
  }

  private func complain(_ line: String) {
    display.erase()
    Console.complain("uio2: " + PrintableText.line(line))
  }

  private static func words(of error: any Error) -> String {
    if let error = error as? CommandFailure, error.message.isEmpty { return "the reader of standard output has gone" }
    return (error as? CommandFailure)?.message ?? "\(error)"
  }
}
