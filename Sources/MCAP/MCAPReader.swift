/// Reads the messages of an MCAP file in the order in which they were written, without its index: so a file that was cut off can be read
/// up to the cut.
///
/// Nothing in the file is believed: lengths are held against what is there, sizes against ``Limits``, chunks against their checksums.
public struct MCAPReader<Source: MCAPSource> {
  /// What is read at most.
  public struct Limits: Sendable, Hashable {
    /// Bytes of one record, and of one chunk's messages.
    public var recordBytes = 256 << 20
    /// Channels of a file, and schemas.
    public var channels = 65_535

    /// The defaults of each property.
    public init() {}
  }

  /// One thing that the file says.
  public enum Item: Sendable, Hashable {
    /// A message of a channel.
    case message(MCAPMessage, MCAPChannel)
    /// Words about the file.
    case metadata(name: String, [String: String])
  }

  /// How the file ends.
  public enum Ending: Sendable, Hashable {
    /// As its writer meant it to.
    case whole
    /// Its writer was ended before, or bytes are missing; what comes before this byte was read.
    case cut(at: UInt64)
    /// As its writer meant it to, and then other bytes follow from this one on, which are no part of it.
    case followed(at: UInt64)
  }

  private let source: Source
  private let limits: Limits
  private var offset: UInt64
  private var schemas: [UInt16: MCAPSchema] = [:]
  private var channels: [UInt16: MCAPChannel] = [:]
  // The chunk that is being read.
  private var chunk = RecordFields([], base: 0)

  /// How the file ended; `nil` until ``next()`` has returned `nil`.
  public private(set) var ending: Ending?

  /// Whether there is not a byte in the file.
  public var isEmpty: Bool { source.size == 0 }

  /// Looks at the file's first bytes.
  ///
  /// - Throws: `.malformed` when these are not those of an MCAP file.
  public init(_ source: Source, limits: Limits = Limits()) throws(MCAPError) {
    self.source = source
    self.limits = limits
    let magic = MCAPFormat.magic
    let found = try source.bytes(at: 0, count: Int(min(UInt64(magic.count), source.size)))
    guard magic.starts(with: found) else {
      throw MCAPError(.malformed, source.name, "this is no MCAP file: it begins with other bytes")
    }
    offset = UInt64(found.count)
    // A file that was cut within its first bytes is one without messages.
    if found.count < magic.count { ending = .cut(at: 0) }
  }

  /// The next message or metadata; `nil` at the end, and at the place where the file was cut.
  ///
  /// - Throws: ``MCAPError`` for bytes that no writer wrote; nothing more can be read then.
  public mutating func next() throws(MCAPError) -> Item? {
    while true {
      while let record = try chunk.nextRecord() {
        if let item = try read(record, inChunk: true) { return item }
      }
      guard ending == nil, let record = try nextRecord() else { return nil }
      if let item = try read(record, inChunk: false) { return item }
    }
  }

  /// The record at ``offset``; `nil` after the last one, with ``ending`` set.
  private mutating func nextRecord() throws(MCAPError) -> Record? {
    let start = offset, left = source.size - offset
    guard left >= 9 else { return cut(at: start) }
    var head = RecordFields(try source.bytes(at: start, count: 9), base: start)
    let opcode = try head.number(as: UInt8.self), length = try head.number(as: UInt64.self)
    guard opcode != 0 else { throw malformed("a record without a kind", at: start) }
    guard length <= left - 9 else { return cut(at: start) }
    offset = start + 9 + length
    // What tells nothing about messages is not even read.
    guard let kind = MCAPFormat.Opcode(rawValue: opcode), kind != .attachment, kind != .messageIndex else {
      return Record(opcode: nil, fields: RecordFields([], base: start + 9))
    }
    guard length <= UInt64(max(0, limits.recordBytes)) else {
      throw MCAPError(.tooLarge, "byte \(start)", "a record of \(length) bytes; at most \(limits.recordBytes) are read")
    }
    let bytes = try source.bytes(at: start + 9, count: Int(length))
    return Record(opcode: kind, fields: RecordFields(bytes, base: start + 9))
  }

  private mutating func cut(at place: UInt64) -> Record? {
    ending = .cut(at: place)
    return nil
  }

  private mutating func read(_ record: Record, inChunk: Bool) throws(MCAPError) -> Item? {
    var fields = record.fields
    switch record.opcode {
    case .schema:
      let number = try fields.number(as: UInt16.self)
      let schema = MCAPSchema(name: try fields.text(), encoding: try fields.text(), data: try fields.countedBytes())
      if number != 0, schemas.count < limits.channels { schemas[number] = schema }
    case .channel:
      let number = try fields.number(as: UInt16.self), schema = try fields.number(as: UInt16.self)
      guard schema == 0 || schemas[schema] != nil else {
        throw malformed("a channel with the unknown schema \(schema)", at: fields.base)
      }
      channels[number] = MCAPChannel(
        topic: try fields.text(), messageEncoding: try fields.text(), schema: schemas[schema],
        metadata: try fields.map())
    case .message: return try message(&fields)
    case .metadata where !inChunk: return .metadata(name: try fields.text(), try fields.map())
    case .chunk where !inChunk: chunk = try unpacked(&fields)
    case .chunk: throw malformed("a chunk within a chunk", at: fields.base)
    case .dataEnd where !inChunk: finish(hasFooter: false)
    case .footer where !inChunk: finish(hasFooter: true)
    default: break
    }
    return nil
  }

  /// The messages are over: what follows is the index, which says where the file is meant to end.
  private mutating func finish(hasFooter: Bool) {
    let count = UInt64(MCAPFormat.magic.count)
    guard let end = hasFooter ? offset : endOfFooter(), isMagic(at: end) else {
      // A damaged index has nothing to do with the messages.
      ending = source.size >= offset + count && isMagic(at: source.size - count) ? .whole : .cut(at: offset)
      return
    }
    ending = end + count == source.size ? .whole : .followed(at: end + count)
  }

  /// Where the footer ends; `nil` where none can be found.
  private func endOfFooter() -> UInt64? {
    var place = offset
    while source.size - place >= 9, let bytes = try? source.bytes(at: place, count: 9) {
      var head = RecordFields(bytes, base: place)
      guard let opcode = try? head.number(as: UInt8.self), opcode != 0,
        let length = try? head.number(as: UInt64.self), length <= source.size - place - 9
      else { return nil }
      place += 9 + length
      if MCAPFormat.Opcode(rawValue: opcode) == .footer { return place }
    }
    return nil
  }

  private func isMagic(at place: UInt64) -> Bool {
    let magic = MCAPFormat.magic
    guard source.size >= place, source.size - place >= UInt64(magic.count) else { return false }
    return (try? source.bytes(at: place, count: magic.count)) == magic
  }

  private func message(_ fields: inout RecordFields) throws(MCAPError) -> Item {
    let number = try fields.number(as: UInt16.self)
    guard let channel = channels[number] else {
      throw malformed("a message of the unknown channel \(number)", at: fields.base)
    }
    _ = try fields.number(as: UInt32.self)
    let logTime = try fields.number(as: UInt64.self), publishTime = try fields.number(as: UInt64.self)
    return .message(MCAPMessage(logTime: logTime, publishTime: publishTime, data: fields.rest()), channel)
  }

  private func unpacked(_ fields: inout RecordFields) throws(MCAPError) -> RecordFields {
    let start = fields.base
    _ = (try fields.number(as: UInt64.self), try fields.number(as: UInt64.self))
    let size = try fields.number(as: UInt64.self), checksum = try fields.number(as: UInt32.self)
    let compression = try fields.text(), stored = try fields.longCountedBytes()
    guard size <= UInt64(max(0, limits.recordBytes)) else {
      throw MCAPError(.tooLarge, "byte \(start)", "a chunk of \(size) bytes; at most \(limits.recordBytes) are read")
    }
    let bytes: [UInt8]
    switch compression {
    case "": bytes = Array(stored)
    case "zstd":
      guard let plain = Zstandard.decompress(stored, size: Int(size)) else {
        throw malformed("a chunk that cannot be unpacked", at: start)
      }
      bytes = plain
    default:
      throw MCAPError(
        .unsupported, "byte \(start)", "a chunk packed with “\(compression)”; only zstd and unpacked chunks are read")
    }
    guard UInt64(bytes.count) == size, checksum == 0 || CRC32.of(bytes) == checksum else {
      throw malformed("a chunk that is not what was written: its checksum differs", at: start)
    }
    return RecordFields(bytes, base: start)
  }

  private func malformed(_ what: String, at place: UInt64) -> MCAPError {
    MCAPError(.malformed, source.name, "byte \(place) holds \(what); the file is damaged from there on")
  }
}
