import NIOCore
import NIOWebSocket

/// Frames that this side sends.
enum Frames {
  static func frame(_ message: WebMessage, _ allocator: ByteBufferAllocator) -> WebSocketFrame {
    switch message {
    case .text(let text): WebSocketFrame(fin: true, opcode: .text, data: allocator.buffer(string: text))
    case .binary(let bytes): WebSocketFrame(fin: true, opcode: .binary, data: allocator.buffer(bytes: bytes))
    }
  }

  /// A control frame holds 125 bytes: the code and what fits of the reason.
  static func close(_ code: Int, _ reason: String, _ allocator: ByteBufferAllocator) -> WebSocketFrame {
    var data = allocator.buffer(capacity: 125)
    if let code = UInt16(exactly: code) {
      data.writeInteger(code)
      var room = 123
      for character in reason {
        room -= character.utf8.count
        guard room >= 0 else { break }
        data.writeString(String(character))
      }
    }
    return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
  }

  /// The bytes that a client's frame took on the wire, if it was written as short as it must be.
  static func size(_ frame: WebSocketFrame) -> Int {
    let length = frame.length
    return 2 + (length < 126 ? 0 : length < 65_536 ? 2 : 8) + (frame.maskKey == nil ? 0 : 4) + length
  }
}
