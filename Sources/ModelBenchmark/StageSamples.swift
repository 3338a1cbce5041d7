import Reporting
import Tensors

/// How long the stages of a step took, over several steps.
public struct StageSamples: Sendable {
  /// A stage of the report, in the order of the data.
  public enum Stage: String, Sendable, Hashable, CaseIterable, Codable {
    /// Waiting for others' steps to end.
    case queue
    case imageDecode = "image_decode"
    case preprocess
    case vision
    case encode
    case crossKeys = "cross_keys"
    case token
    case post
    /// Messages written, sent, received and read, and threads woken.
    case wire
    case whole
  }

  /// One stage's figures, milliseconds.
  public struct Figures: Sendable, Hashable, Codable {
    public var median: Double
    public var p99: Double

    enum CodingKeys: String, CodingKey {
      case median = "median_ms"
      case p99 = "p99_ms"
    }
  }

  fileprivate var milliseconds: [Stage: [Double]] = [:]

  public init() {}

  /// Takes a measurement down.
  public mutating func add(_ duration: Duration, to stage: Stage) {
    milliseconds[stage, default: []].append(duration.seconds * 1000)
  }

  /// Measures `body`.
  public mutating func measure<Result>(_ stage: Stage, _ body: () throws -> Result) rethrows -> Result {
    let clock = ContinuousClock(), start = clock.now
    defer { add(clock.now - start, to: stage) }
    return try body()
  }

  /// Median and 99th percentile by nearest rank of each stage that was measured.
  public var figures: [Stage: Figures] {
    milliseconds.compactMapValues { values in
      guard let median = Percentile.median(of: values), let p99 = Percentile.percentile(99, of: values) else {
        return nil
      }
      return Figures(median: median, p99: p99)
    }
  }
}

extension StageSamples {
  /// Takes all measurements of another one.
  mutating func add(_ other: StageSamples) {
    milliseconds.merge(other.milliseconds) { $0 + $1 }
  }

  /// ``figures`` by the names of the report.
  var named: [String: Figures] {
    Dictionary(uniqueKeysWithValues: figures.map { ($0.key.rawValue, $0.value) })
  }
}
