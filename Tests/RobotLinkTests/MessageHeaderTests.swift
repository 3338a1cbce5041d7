import RobotLink
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
