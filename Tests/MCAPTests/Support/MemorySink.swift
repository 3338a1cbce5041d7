import MCAP
import Synchronization

/// A file in memory.
final class MemorySink: MCAPSink {
  private let content = Mutex<[UInt8]>([])
  private let limit: Int

  /// - Parameter limit: bytes after which writing fails.
  init(limit: Int = .max) { self.limit = limit }

  var bytes: [UInt8] { content.withLock { $0 } }

  func write(_ bytes: [UInt8]) throws(MCAPError) {
    let isFull = content.withLock { content in
      guard content.count + bytes.count <= limit else { return true }
      content += bytes
      return false
    }
    if isFull { throw MCAPError(.unwritable, "memory", "full") }
  }
}

/// A file of two channels, a chunk every four messages, and metadata; what was put in, and how many messages had been flushed by which
/// byte.
struct SampleFile {
  var bytes: [UInt8] = []
  var messages: [MCAPMessage] = []
  var flushed: [(messages: Int, bytes: Int)] = []

  init(chunks: Int = 3, compresses: Bool = true) throws {
    let sink = MemorySink()
    var options = MCAPWriter<MemorySink>.Options()
    options.compresses = compresses
    var writer = try MCAPWriter(to: sink, library: "test", options: options)
    let schema = MCAPSchema(name: "a.B", encoding: "protobuf", data: [1, 2, 3])
    let first = try writer.add(MCAPChannel(topic: "/a", messageEncoding: "protobuf", schema: schema))
    try writer.write(metadata: "about", ["key": "value"])
    var second: MCAPWriter<MemorySink>.ChannelID?
    for number in 0..<(chunks * 4) {
      let message = MCAPMessage(
        logTime: UInt64(1_000 + number), data: [UInt8](repeating: UInt8(number % 256), count: 5 * number))
      if number == 5 {
        second = try writer.add(MCAPChannel(topic: "/b", messageEncoding: "json", schema: nil, metadata: ["of": "b"]))
      }
      try writer.write(message, to: number % 2 == 1 ? second ?? first : first)
      messages.append(message)
      if number % 4 == 3 {
        try writer.flush()
        flushed.append((number + 1, sink.bytes.count))
      }
    }
    try writer.close()
    bytes = sink.bytes
  }
}

/// All that a reader finds.
struct Reading {
  var messages: [MCAPMessage] = []
  var topics: [String] = []
  var metadata: [String: [String: String]] = [:]
  var ending: MCAPReader<MemorySource>.Ending?

  init(_ bytes: [UInt8], limits: MCAPReader<MemorySource>.Limits = .init()) throws(MCAPError) {
    var reader = try MCAPReader(MemorySource(bytes), limits: limits)
    while let item = try reader.next() {
      switch item {
      case .message(let message, let channel):
        messages.append(message)
        topics.append(channel.topic)
      case .metadata(let name, let values): metadata[name] = values
      }
    }
    ending = reader.ending
  }
}
