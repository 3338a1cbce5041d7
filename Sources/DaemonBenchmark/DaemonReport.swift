import Foundation
public import ModelBenchmark

/// What `uio2 bench --size daemon` measured.
public struct DaemonReport: Sendable, Encodable {
  /// Always `daemon`.
  public let model = "daemon"
  /// Bytes of an observation's message and of its answer's.
  public var requestBytes: Int
  public var replyBytes: Int
  /// The daemon's round trip with its stages, then the echo's.
  public var cases: [BenchmarkReport.Case]

  enum CodingKeys: String, CodingKey {
    case model, cases
    case requestBytes = "request_bytes"
    case replyBytes = "reply_bytes"
  }

  /// For people.
  public var text: String {
    """
    daemon without a model, over ipc: \(requestBytes) bytes there, \(replyBytes) back

    \(cases.map(\.text).joined(separator: "\n\n"))
    """
  }
}
