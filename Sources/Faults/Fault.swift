/// An error of this program as a value: what kind it is, the thing at fault, and a sentence a person can act on.
///
/// Each domain has its own kinds and gives the type a name:
///
/// ```swift
/// public typealias TensorError = Fault<TensorErrorCode>
/// throw TensorError(.missingTensor, "decoder.final_norm.scale", "expected in the checkpoint, found nowhere")
/// ```
public struct Fault<Kind: FaultCode>: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of the domain.
  public typealias Code = Kind

  /// What kind of fault it is.
  public var code: Kind
  /// The thing at fault: a file, a field, a tensor, an address; may be empty where there is but one.
  public var subject: String
  /// What was expected, what was found, what to do.
  public var message: String

  /// Collects the parts.
  public init(_ code: Kind, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }

  /// The same fault in the words of another domain.
  public init<Other>(_ other: Fault<Other>, as code: Kind) { self.init(code, other.subject, other.message) }

  /// All of it in one line: `missing_tensor: decoder.final_norm.scale: expected …`.
  public var description: String {
    let parts = [Kind.isShown ? code.name : "", subject].filter { !$0.isEmpty }
    return (parts + [message]).joined(separator: ": ")
  }
}

/// The kinds of a domain's faults: a list that may grow, so match with `==` and keep a default.
public protocol FaultCode: Sendable, Hashable {
  /// In snake case, the same in every version.
  var name: String { get }
  /// Whether a fault's line begins with the name; where it does not, the sentence says it already.
  static var isShown: Bool { get }
}

extension FaultCode {
  /// It does.
  public static var isShown: Bool { true }
}

extension FaultCode where Self: RawRepresentable, RawValue == String {
  /// The raw value.
  public var name: String { rawValue }
}
