/// What a recording says about itself, in its metadata record `uio2`.
public struct RecordingFacts: Sendable, Hashable {
  /// The metadata record's name.
  public static let name = "uio2"

  /// Which policy answered.
  public var policyName: String
  /// Its digest.
  public var policyDigest: String
  /// The format of its matrices: `f32`, `bf16` or `int8`; empty: not known.
  public var weights: String
  /// How the inputs of products with 8-bit weights were taken, where that was chosen; empty: it was not.
  public var activations: String
  /// The instructions that its kernels used; empty: not known.
  public var kernels: String
  /// The version of the daemon.
  public var version: String
  /// Nanoseconds to add to a time of the daemon's clock to get one since 1970.
  public var clockOffset: UInt64 = 0
  /// What stands for the operator's token; empty: there was none.
  public var operatorToken: [UInt8] = []

  /// Collects the parts that the caller knows.
  public init(
    policyName: String, policyDigest: String, weights: String = "", activations: String = "", kernels: String = "",
    version: String = ""
  ) {
    self.policyName = policyName
    self.policyDigest = policyDigest
    self.weights = weights
    self.activations = activations
    self.kernels = kernels
    self.version = version
  }

  /// Reads the metadata record; what it leaves out is empty.
  init(_ values: [String: String]) {
    self.init(
      policyName: values["policy"] ?? "", policyDigest: values["policy_digest"] ?? "",
      weights: values["weights"] ?? "", activations: values["activations"] ?? "",
      kernels: values["kernels"] ?? "", version: values["version"] ?? "")
    clockOffset = values["clock_offset_ns"].flatMap(UInt64.init) ?? 0
    operatorToken = Self.bytes(values["operator"] ?? "")
  }

  /// The metadata record.
  var values: [String: String] {
    [
      "policy": policyName, "policy_digest": policyDigest, "weights": weights, "activations": activations,
      "kernels": kernels, "version": version, "clock_offset_ns": "\(clockOffset)",
      "operator": operatorToken.map(Self.digits).joined(), "format": "1",
    ]
  }

  private static func digits(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  private static func bytes(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
