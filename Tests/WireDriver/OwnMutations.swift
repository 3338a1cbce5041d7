import Foundation
import MCAP
import ConversationSupport
import ProtobufCodec
import Recording
import RobotInterface
import TestSupport
import WebConsole

/// Our own codecs, fed with changed messages. What is still a message must be the same message after another round.
enum OwnMutations {
  /// Requests and replies of `uio2.v1`, as the daemon and the clients read them.
  ///
  /// - Returns: how many were still messages.
  static func protobuf(count: Int, seed: UInt64) throws -> Int {
    var messages = RandomMessages(seed: seed), random = SeededGenerator(seed: seed)
    var samples: [[UInt8]] = []
    var accepted = 0
    for round in 0..<count {
      if round % 4_000 == 0 {
        samples = []
        for _ in 0..<200 { samples += [try messages.request().encoded(), try messages.reply().encoded()] }
      }
      let bytes = random.changed(samples[round % samples.count])
      _ = MessageHeader.peek(bytes)
      if let request = try? RequestMessage(decoding: bytes) {
        accepted += 1
        let again = try RequestMessage(decoding: request.encoded())
        precondition(again == request)
      }
      if let reply = try? ReplyMessage(decoding: bytes) {
        accepted += 1
        let again = try ReplyMessage(decoding: reply.encoded())
        precondition(again == reply)
      }
    }
    return accepted
  }

  /// Recordings, with their requests, replies and marks: as they lie on a disk, and as one was cut off.
  static func recording(count: Int, seed: UInt64) throws -> Int {
    var messages = RandomMessages(seed: seed), random = SeededGenerator(seed: seed)
    // Without packing a changed byte reaches the messages; with it, the decompressor.
    let files = [try sample(&messages, compresses: false), try sample(&messages, compresses: true)]
    let path = FileManager.default.temporaryDirectory.appending(path: "uio2-mutate-\(getpid()).mcap")
    defer { try? FileManager.default.removeItem(at: path) }
    var limits = MCAPReader<MemorySource>.Limits()
    limits.recordBytes = 1 << 20
    var accepted = 0
    for round in 0..<count {
      let bytes = random.changed(files[round % files.count])
      if round % 16 == 0 {
        // With what the messages say; slower by the file system.
        try Data(bytes).write(to: path)
        guard var reader = try? RecordingReader(path.path) else { continue }
        while let entry = try? reader.next() { accepted += entry.time == 0 ? 0 : 1 }
      } else {
        guard var reader = try? MCAPReader(MemorySource(bytes), limits: limits) else { continue }
        while let item = try? reader.next() {
          guard case .message(let message, _) = item else { continue }
          accepted += 1
          if let request = try? RequestMessage(decoding: message.data) {
            let again = try RequestMessage(decoding: request.encoded())
            precondition(again == request)
          }
        }
      }
    }
    return accepted
  }

  private final class Sink: MCAPSink, @unchecked Sendable {
    private(set) var bytes: [UInt8] = []
    func write(_ more: [UInt8]) throws(MCAPError) { bytes += more }
  }

  private static func sample(_ messages: inout RandomMessages, compresses: Bool) throws -> [UInt8] {
    let sink = Sink()
    var options = MCAPWriter<Sink>.Options()
    options.compresses = compresses
    var writer = try MCAPWriter(to: sink, library: "wire-driver", options: options)
    func channel(_ topic: String, _ encoding: String) throws -> MCAPWriter<Sink>.ChannelID {
      try writer.add(MCAPChannel(topic: topic, messageEncoding: encoding, schema: nil))
    }
    let requests = try channel("/uio2/request", "protobuf"), replies = try channel("/uio2/reply", "protobuf")
    let marks = try channel("/uio2/episode", "json")
    let mark = try JSONEncoder().encode(EpisodeMark(.began, session: "arm", task: "push", seed: 3))
    for number in 1...3 {
      let time = UInt64(number) * 1_000_000
      try writer.write(MCAPMessage(logTime: time, data: try messages.request().encoded()), to: requests)
      try writer.write(MCAPMessage(logTime: time + 1, data: try messages.reply().encoded()), to: replies)
      try writer.write(MCAPMessage(logTime: time + 2, data: Array(mark)), to: marks)
      try writer.flush()
    }
    try writer.close()
    return sink.bytes
  }

  /// What pages of the console ask for.
  static func console(count: Int, seed: UInt64) throws -> Int {
    let samples = [
      #"{"kind":"stop","session":"arm-1"}"#, #"{"kind":"stop_everybody"}"#, #"{"kind":"drawn","update":12345}"#,
      #"{"kind":"resume","session":"é\u0000\ud83e\udd64","token":"00ff10"}"#,
      #"{"kind":"admit_newcomers","token":null}"#,
    ].map { Array($0.utf8) }
    var random = SeededGenerator(seed: seed)
    var accepted = 0
    for round in 0..<count {
      let text = String(decoding: random.changed(samples[round % samples.count]), as: UTF8.self)
      guard let request = ConsoleRequest(text: text) else { continue }
      accepted += 1
      if let token = request.tokenBytes { precondition(!token.isEmpty && token.count <= 64) }
    }
    return accepted
  }
}
