import MessagePack

/// What one part of an action or observation means: vla-eval's `DimSpec`. The harness compares a server's with its benchmark's and warns.
public struct VLASpecification: Sendable, Hashable {
  /// Such as `position`, `rotation`, `gripper`, `image`.
  public var name: String
  /// How many numbers; 0 for what is no array.
  public var dimensions: Int
  /// A convention, such as `delta_xyz`, `absolute_xyz`, `euler_xyz`, `binary_close_positive`, `rgb_hwc_uint8`, `language`.
  public var format: String
  /// What the numbers lie between.
  public var range: ClosedRange<Double>?
  /// Formats that a reader of the part takes; `nil`: that of ``format`` only.
  public var accepts: [String]?
  /// For people.
  public var note: String

  /// Collects the parts.
  public init(
    name: String, dimensions: Int, format: String, range: ClosedRange<Double>? = nil, accepts: [String]? = nil,
    note: String = ""
  ) {
    self.name = name
    self.dimensions = dimensions
    self.format = format
    self.range = range
    self.accepts = accepts
    self.note = note
  }

  var messagePack: MessagePackValue {
    var entries: [MessagePackMap.Entry] = [
      .init(.text("name"), .text(name)), .init(.text("dims"), .integer(Int64(dimensions))),
      .init(.text("format"), .text(format)),
    ]
    if let range {
      entries.append(.init(.text("range"), .array([.double(range.lowerBound), .double(range.upperBound)])))
    }
    if let accepts { entries.append(.init(.text("accepts"), .array(accepts.sorted().map { .text($0) }))) }
    if !note.isEmpty { entries.append(.init(.text("description"), .text(note))) }
    return .map(MessagePackMap(entries))
  }
}

/// What a server says of itself when a harness says hello.
public struct VLAServer: Sendable, Hashable {
  /// A part of an action or observation by its key.
  public struct Part: Sendable, Hashable {
    /// The key in the specification's map.
    public var key: String
    /// What it means.
    public var specification: VLASpecification

    /// Collects the parts.
    public init(_ key: String, _ specification: VLASpecification) {
      self.key = key
      self.specification = specification
    }
  }

  /// A name for the harness's log.
  public var name: String
  /// The version of vla-eval that this server behaves like.
  public var harnessVersion: String
  /// What ``VLACodec/action(_:answering:at:)`` answers with.
  public var action: [Part]
  /// What an observation must have.
  public var observation: [Part]
  /// Options that the harness hands to its benchmark, such as `send_wrist_image` or `send_state`; empty for none.
  public var observationOptions: [String: Bool]
  /// Further plain facts, such as the digest of the policy.
  public var facts: [String: String]

  /// Collects the parts.
  public init(
    name: String, action: [Part] = [], observation: [Part] = [], observationOptions: [String: Bool] = [:],
    facts: [String: String] = [:], harnessVersion: String = "0.8.0"
  ) {
    self.name = name
    self.action = action
    self.observation = observation
    self.observationOptions = observationOptions
    self.facts = facts
    self.harnessVersion = harnessVersion
  }
}
