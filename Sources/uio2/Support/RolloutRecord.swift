import Files
import Foundation
import LogOutput
import PolicyEvaluation
import RunAnalysis
import RunDatabase
import Synchronization

/// What a rollout comes to, and the document that it leaves.
final class RolloutRecord: Sendable {
  private struct State {
    var tally: RunTally
    var worker: WorkerRecord?
  }

  private let facts: RunDocument.Facts
  private let target: OutputTarget?
  private let state: Mutex<State>

  /// - Parameter target: where the document goes.
  init(_ configuration: RunConfiguration, _ facts: RunDocument.Facts, target: OutputTarget?) {
    self.facts = facts
    self.target = target
    state = Mutex(State(tally: RunTally(configuration)))
  }

  /// What was flown so far.
  var tally: RunTally { state.withLock { $0.tally } }

  /// Takes an event; after each episode the document so far is written.
  func take(_ event: Evaluation.Event) {
    state.withLock { state in
      switch event {
      case .ready(let worker): state.worker = worker
      case .recorded(let record, let steps):
        state.tally.add(record, steps: steps)
        guard let target, target.isReplaceable else { return }
        // What was flown is flown: a full disk is told at the end.
        do {
          try target.write(RunDocument(facts, state.tally, worker: state.worker, state: .unfinished).json())
        } catch {}
      default: break
      }
    }
  }

  /// Writes the document and the table of what was flown.
  ///
  /// - Parameters:
  ///   - cause: why not all episodes ran; `nil` when they did.
  /// - Throws: when one of them cannot be written.
  func end(because cause: (any Error)?, peakMemory: Int?) throws {
    let (tally, worker) = state.withLock { ($0.tally, $0.worker) }
    guard !tally.episodes.isEmpty else {
      if let target, FileManager.default.fileExists(atPath: target.path), target.isReplaceable {
        Console.complain("uio2: no episode was flown; \(PrintableText.line(target.path)) stays as it was")
      }
      return
    }
    let reason = cause.map(Self.words)
    let document = RunDocument(
      facts, tally, worker: worker, state: reason.map { .cutShort($0) } ?? .complete, peakMemory: peakMemory)
    let written = Result { try target?.write(document.json()) }
    let told = Result {
      try Console.say("\n" + RunTable.text(tally, incomplete: reason, peakMemory: peakMemory))
      if let target, case .success = written { try Console.say("\nreport  \(target.path)") }
    }
    try written.get()
    try told.get()
  }

  private static func words(of error: any Error) -> String {
    if let error = error as? CommandFailure, error.message.isEmpty { return "the reader of standard output has gone" }
    return (error as? CommandFailure)?.message ?? "\(error)"
  }
}
