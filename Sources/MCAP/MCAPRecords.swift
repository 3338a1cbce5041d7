/// The format's own names and numbers (mcap.dev/spec).
package enum MCAPFormat {
  package static let magic: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x50, 0x30, 0x0D, 0x0A]

  /// What a record is.
  package enum Opcode: UInt8 {
    case header = 0x01
    case footer, schema, channel, message, chunk, messageIndex, chunkIndex, attachment, attachmentIndex, statistics
    case metadata, metadataIndex, summaryOffset, dataEnd
  }
}

/// What the messages of a channel look like.
public struct MCAPSchema: Sendable, Hashable {
  /// The message's name, such as `foxglove.Log`.
  public var name: String
  /// The language of ``data``: `protobuf` or `jsonschema`.
  public var encoding: String
  /// For `protobuf`, a FileDescriptorSet; for `jsonschema`, the schema.
  public var data: [UInt8]

  /// Collects the parts.
  public init(name: String, encoding: String, data: [UInt8]) {
    self.name = name
    self.encoding = encoding
    self.data = data
  }
}

/// A series of messages of one kind.
public struct MCAPChannel: Sendable, Hashable {
  /// Where viewers show it.
  public var topic: String
  /// `protobuf` or `json`.
  public var messageEncoding: String
  /// What its messages look like; `nil`: nobody says.
  public var schema: MCAPSchema?
  /// Further words about it.
  public var metadata: [String: String]

  /// Collects the parts.
  public init(topic: String, messageEncoding: String, schema: MCAPSchema?, metadata: [String: String] = [:]) {
    self.topic = topic
    self.messageEncoding = messageEncoding
    self.schema = schema
    self.metadata = metadata
  }
}

/// One message of a channel.
public struct MCAPMessage: Sendable, Hashable {
  /// Nanoseconds since 1970: when it was seen.
  public var logTime: UInt64
  /// Nanoseconds since 1970: when it was sent.
  public var publishTime: UInt64
  /// The message itself, as the channel's encoding says.
  public var data: [UInt8]

  /// Collects the parts.
  public init(logTime: UInt64, publishTime: UInt64? = nil, data: [UInt8]) {
    self.logTime = logTime
    self.publishTime = publishTime ?? logTime
    self.data = data
  }
}

/// Appends numbers and texts as the format has them.
struct RecordBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(raw other: some Collection<UInt8>) { bytes.append(contentsOf: other) }

  /// - Precondition: below 4 GiB; the writer checks that of what comes from outside.
  mutating func append(counted other: some Collection<UInt8>) {
    append(UInt32(clamping: other.count))
    bytes.append(contentsOf: other)
  }

  mutating func append(_ text: String) { append(counted: text.utf8) }

  mutating func append(_ map: [String: String]) {
    var pairs = RecordBytes()
    for (key, value) in map.sorted(by: { $0.key < $1.key }) {
      pairs.append(key)
      pairs.append(value)
    }
    append(counted: pairs.bytes)
  }

  /// A whole record: its opcode, its length and what `content` appends.
  mutating func append(_ opcode: MCAPFormat.Opcode, _ content: (inout RecordBytes) -> Void) {
    var record = RecordBytes()
    content(&record)
    append(opcode.rawValue)
    append(UInt64(record.bytes.count))
    append(raw: record.bytes)
  }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
}
