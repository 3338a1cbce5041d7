import Foundation
import PolicyEvaluation
import RunDatabase
import Synchronization

/// Shows how an evaluation goes: a line an episode, and on a terminal a live line below.
final class EvaluationDisplay: Sendable {
  private struct State {
    var done: Int
    var successes: Int
    var recordedNow = 0
    var running: [Int: RunConfiguration.Episode] = [:]
    var failure: CommandFailure?
  }

  private let total: Int
  private let isVerbose: Bool
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  /// - Parameter outcomes: those of the run so far.
  init(total: Int, outcomes: [EpisodeRecord], isVerbose: Bool) {
    self.total = total
    self.isVerbose = isVerbose
    state = Mutex(State(done: outcomes.count, successes: outcomes.count(where: \.successAtAnyStep)))
  }

  /// Why nothing can be shown any more, once that is so.
  var failure: CommandFailure? { state.withLock { $0.failure } }

  /// Takes an event and shows what it changed.
  func show(_ event: Evaluation.Event) {
    state.withLock { state in
      switch event {
      case .began(let episode, let worker): state.running[worker] = episode
      case .said(let line, let worker): if isVerbose { say("worker \(worker): \(line)", &state) }
      case .recorded(let record):
        state.running[record.worker] = nil
        if record.state != .lost {
          state.done += 1
          state.recordedNow += 1
          if record.successAtAnyStep { state.successes += 1 }
        }
        say(line(record, state), &state)
      }
      guard Console.isTerminal else { return }
      Console.draw("\r\u{1b}[K" + live(state).prefix(Console.width - 1))
    }
  }

  /// Takes the live line away.
  func end() { if Console.isTerminal { Console.draw("\r\u{1b}[K") } }

  private func say(_ line: String, _ state: inout State) {
    guard state.failure == nil else { return }
    if Console.isTerminal { Console.draw("\r\u{1b}[K") }
    do throws(CommandFailure) { try Console.say(line) } catch { state.failure = error }
  }

  private func line(_ record: EpisodeRecord, _ state: State) -> String {
    let name = "\(record.episode.task) seed \(record.episode.seed)"
    switch record.state {
    case .finished:
      let outcome = record.successAtAnyStep ? "success" : "failure"
      return "\(state.done)/\(total)  \(name): \(outcome) after \(record.steps) steps"
    case .lost: return "\(name): attempt \(record.attempt) lost, tried again: \(record.reason)"
    case .abandoned:
      return "\(state.done)/\(total)  \(name): given up after \(record.attempt) attempts: \(record.reason)"
    }
  }

  private func live(_ state: State) -> String {
    var parts = ["\(state.done) of \(total) episodes"]
    if state.done > 0 {
      parts.append("\(Int((100 * Double(state.successes) / Double(state.done)).rounded())) % success")
    }
    let workers = state.running.sorted { $0.key < $1.key }.map { "\($0.value.task)" }
    if !workers.isEmpty { parts.append(workers.joined(separator: ", ")) }
    if state.recordedNow > 0 {
      let seconds = Double((ContinuousClock.now - start).components.seconds) / Double(state.recordedNow)
      parts.append("\(Self.time(seconds * Double(total - state.done))) left")
    }
    return parts.joined(separator: " · ")
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 90 ? "\(Int(seconds)) s" : seconds < 5400 ? "\(Int(seconds / 60)) min" : "\(Int(seconds / 360) / 10) h"
  }
}
