import ProtobufCodec
import RobotInterface
import Testing

@Suite("An answer finds its way even when the question is broken")
struct MessageHeaderTests {
  @Test func `the header of another version`() {
    let bytes = WireWriter.request(version: 9, id: 42, session: "arm") { $0.text(30, "what is this") }
    #expect(MessageHeader.peek(bytes) == MessageHeader(protocolVersion: 9, requestID: 42, sessionID: "arm"))
  }

  @Test func `the header of a message that was cut short`() {
    let bytes = WireWriter.request { $0.content(11, [UInt8](repeating: 7, count: 5000)) }
    #expect(
      MessageHeader.peek(Array(bytes.prefix(100))) == MessageHeader(protocolVersion: 2, requestID: 7, sessionID: "arm"))
  }

  @Test func `a stop is known whatever else is wrong`() {
    func reason(_ bytes: [UInt8]) -> String? { MessageHeader.peek(bytes).stopReason }
    func stop(_ content: [UInt8]) -> [UInt8] { WireWriter.request { $0.message(13) { $0.content(1, content) } } }
    #expect(reason(stop(Array("door".utf8))) == "door")
    #expect(reason(stop([])) == "")
    #expect(reason(WireWriter.request { $0.message(13) { _ in } }) == "")
    #expect(reason(stop([0x61, 0, 0x62])) == "a b")
    #expect(reason(stop([0xFF])) == "\u{FFFD}")
    #expect(reason(stop([UInt8](repeating: 0x61, count: 5_000)))?.utf8.count == ProtocolLimits.maximumNameBytes)
    let beginning = stop([UInt8](repeating: 0x61, count: 5_000)).prefix(60)
    #expect(reason(Array(beginning)) == "", "a large one")
    for other: UInt64 in [10, 11, 12, 14, 15, 16, 17] {
      #expect(reason(WireWriter.request { $0.message(other) { _ in } }) == nil)
    }
    #expect(reason([]) == nil)
  }

  @Test func `a reason is cut between two characters`() {
    let limit = ProtocolLimits.maximumNameBytes
    #expect(StopReason.fitted("door") == "door")
    #expect(StopReason.fitted(String(repeating: "é", count: limit)) == String(repeating: "é", count: limit / 2))
    let odd = "a" + String(repeating: "é", count: limit)
    #expect(StopReason.fitted(odd).utf8.count == limit - 1)
  }

  @Test func `as much as there is`() {
    let bytes = WireWriter.request(id: 3, session: "robot") { _ in }
    #expect(MessageHeader.peek(Array(bytes.prefix(5))) == MessageHeader(protocolVersion: 2, requestID: 3))
    #expect(MessageHeader.peek([]) == MessageHeader())
    #expect(MessageHeader.peek([0xff, 0xff]) == MessageHeader())
  }

  @Test func `a session that cannot be echoed is left out`() {
    #expect(MessageHeader.peek(WireWriter.request(session: "a\0b") { _ in }).sessionID == "")
    #expect(
      MessageHeader.peek(WireWriter.request(session: String(repeating: "x", count: 129)) { _ in }).sessionID == "")
    #expect(MessageHeader.peek(WireWriter.request { $0.content(3, [0xff]) }).sessionID == "")
  }
}
