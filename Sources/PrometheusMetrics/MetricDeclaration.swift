/// What a metric is, before anybody counts: its name, kind and meaning as `/metrics` shows them.
public struct MetricDeclaration: Sendable, Hashable {
  /// How a metric counts.
  public enum Kind: Sendable, Hashable {
    /// Only grows; its name ends with `_total`.
    case counter
    /// Goes up and down.
    case gauge
    /// How often values lay below each of these bounds, which ascend.
    case histogram(buckets: [Double])
  }

  /// Seconds, for stages that take from a millisecond to ten seconds.
  public static let seconds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  /// Prometheus' name: letters, digits, `_` and `:`; other characters become `_`.
  public let name: String
  /// How it counts.
  public let kind: Kind
  /// One sentence.
  public let help: String

  /// Collects the parts; buckets are put in order.
  public init(_ name: String, _ kind: Kind, _ help: String) {
    self.name = Self.sanitized(name, allowing: ":")
    if case .histogram(let buckets) = kind {
      self.kind = .histogram(buckets: Set(buckets.filter(\.isFinite)).sorted())
    } else {
      self.kind = kind
    }
    self.help = help
  }

  /// A name that Prometheus takes.
  static func sanitized(_ name: String, allowing extra: String = "") -> String {
    var result = ""
    for scalar in name.unicodeScalars.prefix(200) {
      let isGood = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      result.unicodeScalars.append(isGood || scalar == "_" || extra.unicodeScalars.contains(scalar) ? scalar : "_")
    }
    if result.isEmpty || result.first?.isNumber == true { result = "_" + result }
    return result
  }
}
