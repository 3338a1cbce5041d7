import Foundation

/// What a worker process reports: one JSON object a line on its standard output (`Envs/uio2_envs/worker.py`).
enum WorkerEvent: Sendable, Hashable {
  case ready(Ready)
  case episodeStart(id: Int)
  case step(Step)
  case episodeEnd(EpisodeEnd)
  /// One episode failed, and the worker ends.
  case episodeFailed(id: Int, Failure)
  /// The worker cannot go on.
  case failed(Failure)

  struct Ready: Sendable, Hashable, Decodable {
    var policy: String
    var policyDigest: String
    /// Versions of the simulator's packages, by name.
    var versions: [String: String]?
  }

  struct Step: Sendable, Hashable, Decodable {
    var id: Int
    var step: Int
    var success: Bool
    var latencyMs: [String: Double?]
    var confidence: Double?
    var limitFlags: UInt32
    var proprioception: [Double]
    var tokens: [Int32]
    var commands: [[Double]]
    var reward: Double?
  }

  struct EpisodeEnd: Sendable, Hashable, Decodable {
    var id: Int
    var task: String
    var seed: Int
    var success: Bool
    var successAtEnd: Bool
    var steps: Int
    var stepsToSuccess: Int?
    var heldSteps: Int
    var limitedActions: Int
    /// Names of the steps' proprioception.
    var proprioception: [String]
    var pathLength: Double?
    var meanJerk: Double?
    var wallS: Double
    var video: String?
    /// Of the worker since it began.
    var peakMemoryMib: Double
  }

  struct Failure: Sendable, Hashable, Decodable {
    var code: String
    var subject: String
    var message: String
  }

  /// Reads a line.
  ///
  /// - Throws: ``RolloutError`` `.malformedEvent` with the line's number.
  init(line: [UInt8], number: Int) throws(RolloutError) {
    struct Kind: Decodable {
      var event: String
      var id: Int?
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = Data(line)
    do {
      let kind = try decoder.decode(Kind.self, from: data)
      switch (kind.event, kind.id) {
      case ("ready", _): self = .ready(try decoder.decode(Ready.self, from: data))
      case ("episode_start", let id?): self = .episodeStart(id: id)
      case ("step", _): self = .step(try decoder.decode(Step.self, from: data))
      case ("episode_end", _): self = .episodeEnd(try decoder.decode(EpisodeEnd.self, from: data))
      case ("episode_failed", let id?): self = .episodeFailed(id: id, try decoder.decode(Failure.self, from: data))
      case ("failed", _): self = .failed(try decoder.decode(Failure.self, from: data))
      default: throw RolloutError(.malformedEvent, "line \(number)", "unknown event \(kind.event)")
      }
    } catch let error as RolloutError {
      throw error
    } catch {
      throw RolloutError(.malformedEvent, "line \(number)", "the worker's report cannot be read: \(error)")
    }
  }
}
