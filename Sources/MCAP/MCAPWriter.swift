/// Where the bytes of a file go.
public protocol MCAPSink: Sendable {
  /// Takes further bytes, all of them.
  mutating func write(_ bytes: [UInt8]) throws(MCAPError)
}

/// Writes an MCAP file: chunks that are packed, have checksums and are indexed, and a summary at the end.
///
/// What ``flush()`` has written can be read whatever becomes of the process; ``close()`` adds the summary, by which viewers find things
/// quickly.
public struct MCAPWriter<Sink: MCAPSink> {
  /// How large chunks are, and whether they are packed.
  public struct Options: Sendable, Hashable {
    /// Bytes of messages after which a chunk ends.
    public var chunkSize = 1 << 20
    /// Whether chunks are packed with zstd.
    public var compresses = true

    /// The defaults of each property.
    public init() {}
  }

  /// A channel of this file.
  public struct ChannelID: Sendable, Hashable {
    fileprivate var number: UInt16
  }

  /// Bytes of a message at most: what lengths within a chunk can say, with room for much else.
  public static var maximumMessageBytes: Int { 1 << 30 }

  private struct ChunkEntry {
    var start: UInt64
    var length: UInt64
    var times: ClosedRange<UInt64>
    var indexOffsets: [(channel: UInt16, offset: UInt64)]
    var indexLength: UInt64
    var compression: String
    var packedSize: UInt64
    var size: UInt64
  }

  private struct MetadataEntry {
    var name: String
    var offset: UInt64
    var length: UInt64
  }

  private var sink: Sink
  private let options: Options
  private let zstandard: Zstandard?
  private var offset: UInt64 = 0
  private var checksum = CRC32()
  private var schemas: [MCAPSchema] = []
  private var channels: [MCAPChannel] = []
  private var sequences: [UInt32] = []
  private var counts: [UInt64] = []
  private var times: ClosedRange<UInt64>?
  private var chunks: [ChunkEntry] = []
  private var metadata: [MetadataEntry] = []
  // The chunk that is being filled.
  private var records = RecordBytes()
  private var index: [UInt16: [(time: UInt64, offset: UInt64)]] = [:]
  private var chunkTimes: ClosedRange<UInt64>?

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - profile: the format's word for a set of conventions; empty for none.
  ///   - library: who writes.
  public init(to sink: Sink, profile: String = "", library: String, options: Options = Options()) throws(MCAPError) {
    self.sink = sink
    self.options = options
    zstandard = options.compresses ? Zstandard() : nil
    var header = RecordBytes()
    header.append(raw: MCAPFormat.magic)
    header.append(.header) {
      $0.append(profile)
      $0.append(library)
    }
    try put(header.bytes)
  }

  /// Bytes of messages that would be lost if the process ended now.
  public var pendingBytes: Int { records.bytes.count }
  /// Bytes written so far.
  public var writtenBytes: UInt64 { offset }

  /// Makes a channel known.
  ///
  /// - Throws: `.tooLarge` when the file has 65,535 of them.
  public mutating func add(_ channel: MCAPChannel) throws(MCAPError) -> ChannelID {
    guard channels.count < Int(UInt16.max) - 1 else {
      throw MCAPError(.tooLarge, channel.topic, "a file has at most \(UInt16.max - 1) channels")
    }
    var schemaID: UInt16 = 0
    if let schema = channel.schema {
      if let place = schemas.firstIndex(of: schema) {
        schemaID = UInt16(place + 1)
      } else {
        // There are no more schemas than channels.
        schemas.append(schema)
        schemaID = UInt16(schemas.count)
        records.append(.schema) { Self.append(schema, schemaID, to: &$0) }
      }
    }
    channels.append(channel)
    sequences.append(0)
    counts.append(0)
    let number = UInt16(channels.count)
    records.append(.channel) { Self.append(channel, number, schemaID, to: &$0) }
    return ChannelID(number: number)
  }

  /// Appends a message; a chunk that is full is written.
  ///
  /// - Throws: `.tooLarge` for a message that fits no record, and what the sink throws.
  public mutating func write(_ message: MCAPMessage, to channel: ChannelID) throws(MCAPError) {
    let place = Int(channel.number) - 1
    guard message.data.count <= Self.maximumMessageBytes else {
      throw MCAPError(.tooLarge, channels[place].topic, "a message of \(message.data.count) bytes")
    }
    let start = UInt64(records.bytes.count), sequence = sequences[place]
    records.append(.message) {
      $0.append(channel.number)
      $0.append(sequence)
      $0.append(message.logTime)
      $0.append(message.publishTime)
      $0.append(raw: message.data)
    }
    sequences[place] &+= 1
    counts[place] += 1
    index[channel.number, default: []].append((message.logTime, start))
    chunkTimes = Self.joined(chunkTimes, message.logTime)
    times = Self.joined(times, message.logTime)
    if records.bytes.count >= options.chunkSize { try flush() }
  }

  /// Appends words about the file as a whole.
  public mutating func write(metadata name: String, _ values: [String: String]) throws(MCAPError) {
    try flush()
    var record = RecordBytes()
    record.append(.metadata) {
      $0.append(name)
      $0.append(values)
    }
    metadata.append(MetadataEntry(name: name, offset: offset, length: UInt64(record.bytes.count)))
    try put(record.bytes)
  }

  /// Writes the chunk that is being filled, with its index.
  public mutating func flush() throws(MCAPError) {
    guard !records.bytes.isEmpty else { return }
    let plain = records.bytes
    // Where there is no memory to pack it, it is written as it is.
    let packed = zstandard?.compress(plain)
    let stored = packed ?? plain, compression = packed == nil ? "" : "zstd"
    let times = chunkTimes ?? 0...0
    let start = offset
    var chunk = RecordBytes()
    chunk.append(.chunk) {
      $0.append(times.lowerBound)
      $0.append(times.upperBound)
      $0.append(UInt64(plain.count))
      $0.append(CRC32.of(plain))
      $0.append(compression)
      $0.append(UInt64(stored.count))
      $0.append(raw: stored)
    }
    let length = UInt64(chunk.bytes.count)
    var offsets: [(channel: UInt16, offset: UInt64)] = []
    for (channel, entries) in index.sorted(by: { $0.key < $1.key }) {
      offsets.append((channel, start + UInt64(chunk.bytes.count)))
      chunk.append(.messageIndex) {
        $0.append(channel)
        $0.append(UInt32(clamping: entries.count * 16))
        for entry in entries {
          $0.append(entry.time)
          $0.append(entry.offset)
        }
      }
    }
    records.removeAll()
    index.removeAll(keepingCapacity: true)
    chunkTimes = nil
    // At once, so that a process that is killed leaves a chunk with its index or none.
    try put(chunk.bytes)
    chunks.append(
      ChunkEntry(
        start: start, length: length, times: times, indexOffsets: offsets, indexLength: offset - start - length,
        compression: compression, packedSize: UInt64(stored.count), size: UInt64(plain.count)))
  }

  /// Writes what waits and the summary. To be called once, at the end.
  public mutating func close() throws(MCAPError) {
    try flush()
    var end = RecordBytes()
    let dataChecksum = checksum.value
    end.append(.dataEnd) { $0.append(dataChecksum) }
    try put(end.bytes)
    try put(summary())
  }

  // MARK: The summary

  private func summary() -> [UInt8] {
    var bytes = RecordBytes()
    var groups: [(opcode: MCAPFormat.Opcode, start: UInt64, length: UInt64)] = []
    let start = offset
    func group(_ opcode: MCAPFormat.Opcode, _ body: (inout RecordBytes) -> Void) {
      let before = bytes.bytes.count
      body(&bytes)
      let length = bytes.bytes.count - before
      if length > 0 { groups.append((opcode, start + UInt64(before), UInt64(length))) }
    }
    group(.schema) { bytes in
      for (place, schema) in schemas.enumerated() {
        bytes.append(.schema) { Self.append(schema, UInt16(place + 1), to: &$0) }
      }
    }
    group(.channel) { bytes in
      for (place, channel) in channels.enumerated() {
        let schema = channel.schema.flatMap { schemas.firstIndex(of: $0) }.map { UInt16($0 + 1) } ?? 0
        bytes.append(.channel) { Self.append(channel, UInt16(place + 1), schema, to: &$0) }
      }
    }
    group(.statistics) { $0.append(.statistics) { appendStatistics(to: &$0) } }
    group(.chunkIndex) { bytes in
      for chunk in chunks { bytes.append(.chunkIndex) { append(chunk, to: &$0) } }
    }
    group(.metadataIndex) { bytes in
      for entry in metadata {
        bytes.append(.metadataIndex) {
          $0.append(entry.offset)
          $0.append(entry.length)
          $0.append(entry.name)
        }
      }
    }
    let offsetStart = start + UInt64(bytes.bytes.count)
    for group in groups {
      bytes.append(.summaryOffset) {
        $0.append(group.opcode.rawValue)
        $0.append(group.start)
        $0.append(group.length)
      }
    }
    // The checksum covers the summary and the footer's own fields before it.
    bytes.append(raw: [MCAPFormat.Opcode.footer.rawValue])
    bytes.append(UInt64(20))
    bytes.append(start)
    bytes.append(offsetStart)
    bytes.append(CRC32.of(bytes.bytes))
    bytes.append(raw: MCAPFormat.magic)
    return bytes.bytes
  }

  private func appendStatistics(to bytes: inout RecordBytes) {
    bytes.append(counts.reduce(0, +))
    bytes.append(UInt16(clamping: schemas.count))
    bytes.append(UInt32(clamping: channels.count))
    bytes.append(UInt32(0))
    bytes.append(UInt32(clamping: metadata.count))
    bytes.append(UInt32(clamping: chunks.count))
    bytes.append(times?.lowerBound ?? 0)
    bytes.append(times?.upperBound ?? 0)
    bytes.append(UInt32(clamping: counts.count * 10))
    for (place, count) in counts.enumerated() {
      bytes.append(UInt16(place + 1))
      bytes.append(count)
    }
  }

  private func append(_ chunk: ChunkEntry, to bytes: inout RecordBytes) {
    bytes.append(chunk.times.lowerBound)
    bytes.append(chunk.times.upperBound)
    bytes.append(chunk.start)
    bytes.append(chunk.length)
    bytes.append(UInt32(clamping: chunk.indexOffsets.count * 10))
    for entry in chunk.indexOffsets {
      bytes.append(entry.channel)
      bytes.append(entry.offset)
    }
    bytes.append(chunk.indexLength)
    bytes.append(chunk.compression)
    bytes.append(chunk.packedSize)
    bytes.append(chunk.size)
  }

  private static func append(_ schema: MCAPSchema, _ number: UInt16, to bytes: inout RecordBytes) {
    bytes.append(number)
    bytes.append(schema.name)
    bytes.append(schema.encoding)
    bytes.append(counted: schema.data)
  }

  private static func append(
    _ channel: MCAPChannel, _ number: UInt16, _ schema: UInt16, to bytes: inout RecordBytes
  ) {
    bytes.append(number)
    bytes.append(schema)
    bytes.append(channel.topic)
    bytes.append(channel.messageEncoding)
    bytes.append(channel.metadata)
  }

  private static func joined(_ range: ClosedRange<UInt64>?, _ time: UInt64) -> ClosedRange<UInt64> {
    guard let range else { return time...time }
    return min(range.lowerBound, time)...max(range.upperBound, time)
  }

  private mutating func put(_ bytes: [UInt8]) throws(MCAPError) {
    try sink.write(bytes)
    checksum.update(bytes)
    offset += UInt64(bytes.count)
  }
}
