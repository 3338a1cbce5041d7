import Foundation
public import MCAP
public import RobotInterface
import ProtobufCodec

/// Reads a recording's own messages, in the order in which the daemon saw them.
public struct RecordingReader {
  /// What was recorded.
  public enum Content: Sendable, Hashable {
    /// A request that the daemon served.
    case request(RequestMessage)
    /// A reply that left, delivered or not.
    case reply(ReplyMessage, isDelivered: Bool)
    /// The beginning or end of an episode.
    case episode(EpisodeMark)
    /// Here messages are missing.
    case losses(RecordingLosses)
  }

  /// One thing, with its time.
  public struct Entry: Sendable, Hashable {
    /// Nanoseconds on the daemon's clock.
    public var time: UInt64
    /// What was recorded.
    public var content: Content
  }

  private let path: String
  private var reader: MCAPReader<FileSource>

  /// What the recording says about itself; `nil` until ``next()`` has met it.
  public private(set) var facts: RecordingFacts?
  /// How the file ended; `nil` until ``next()`` has returned `nil`.
  public var ending: MCAPReader<FileSource>.Ending? { reader.ending }

  /// Whether there is not a byte in it.
  public var isEmpty: Bool { reader.isEmpty }

  /// Opens a recording.
  ///
  /// - Throws: ``MCAPError``: it cannot be read, or is no MCAP file.
  public init(_ path: String) throws(MCAPError) {
    self.path = path
    reader = try MCAPReader(FileSource(path))
  }

  /// The next entry; `nil` at the end, and at the place where the file was cut. What is on other topics is passed over.
  ///
  /// - Throws: ``MCAPError`` for what no recorder wrote.
  public mutating func next() throws(MCAPError) -> Entry? {
    while let item = try reader.next() {
      switch item {
      case .metadata(let name, let values):
        if name == RecordingFacts.name { facts = RecordingFacts(values) }
      case .message(let message, let channel):
        guard let content = try content(of: message, channel) else { continue }
        let offset = facts?.clockOffset ?? 0
        return Entry(time: message.logTime - min(message.logTime, offset), content: content)
      }
    }
    return nil
  }

  private func content(of message: MCAPMessage, _ channel: MCAPChannel) throws(MCAPError) -> Content? {
    do {
      switch channel.topic {
      case Topics.request.topic: return .request(try RequestMessage(decoding: message.data))
      case Topics.reply.topic: return .reply(try ReplyMessage(decoding: message.data), isDelivered: true)
      case Topics.undelivered.topic: return .reply(try ReplyMessage(decoding: message.data), isDelivered: false)
      case Topics.episode.topic:
        return .episode(try JSONDecoder().decode(EpisodeMark.self, from: Data(message.data)))
      case Topics.losses.topic:
        return .losses(try JSONDecoder().decode(RecordingLosses.self, from: Data(message.data)))
      default: return nil
      }
    } catch {
      throw MCAPError(.malformed, path, "a message on \(channel.topic) is none of ours: \(error)")
    }
  }
}
