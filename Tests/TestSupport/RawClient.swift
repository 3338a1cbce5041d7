import Foundation

/// A client made of bytes, which can break every rule.
package final class RawClient {
  package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
  }

  package struct Frame: Equatable {
    package var opcode: UInt8
    package var payload: [UInt8]
    package var isLast = true

    package init(opcode: UInt8, payload: [UInt8], isLast: Bool = true) {
      self.opcode = opcode
      self.payload = payload
      self.isLast = isLast
    }

    /// Of a closing frame.
    package var code: Int? { payload.count < 2 ? nil : Int(payload[0]) << 8 | Int(payload[1]) }
  }

  package static let text: UInt8 = 1, binary: UInt8 = 2, close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10

  private let descriptor: Int32

  /// - Parameter receiveBuffer: bytes that the system keeps for this client; 0: as usual.
  package init(port: Int, receiveBuffer: Int32 = 0) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if receiveBuffer > 0 {
      var size = receiveBuffer
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let status = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      Foundation.close(descriptor)
      throw Failure(description: "connect: \(String(cString: strerror(errno)))")
    }
    setTimeout(20)
  }

  deinit { Foundation.close(descriptor) }

  package func setTimeout(_ seconds: Double) {
    var limit = timeval(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1e6))
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  // MARK: Bytes

  /// How many went before the time-out.
  @discardableResult
  package func offer(_ bytes: [UInt8]) -> Int {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  package func send(_ bytes: [UInt8]) throws {
    guard offer(bytes) == bytes.count else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
  }

  package func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Fewer at the end of the connection.
  package func receive(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count), got = 0
    while got < count {
      let more = bytes[got...].withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if more < 0, errno != ECONNRESET { throw Failure(description: "receive: \(String(cString: strerror(errno)))") }
      guard more > 0 else { break }
      got += more
    }
    return Array(bytes.prefix(got))
  }

  /// Everything until the other side ends.
  package func receiveAll() throws -> String {
    var bytes: [UInt8] = []
    while true {
      let more = try receive(1)
      guard !more.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
      bytes += more
    }
  }

  // MARK: Requests

  package static func handshake(path: String = "/", _ headers: [String] = [], version: Int = 13) -> String {
    (["GET \(path) HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"] + headers
      + ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: \(version)", "", ""])
      .joined(separator: "\r\n")
  }

  /// Opens a websocket.
  package func open(path: String = "/", _ headers: [String] = []) throws {
    try send(Self.handshake(path: path, headers))
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
      let more = try receive(1)
      guard !more.isEmpty else { break }
      head += more
    }
    let text = String(decoding: head, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 101 "), text.lowercased().contains("s3pplmbitxaq9kygzzhzrbk+xoo=") else {
      throw Failure(description: text)
    }
  }

  // MARK: Frames

  package static func frame(
    _ opcode: UInt8, _ payload: [UInt8] = [], isLast: Bool = true, isMasked: Bool = true, reserved: UInt8 = 0,
    declaring length: Int? = nil
  ) -> [UInt8] {
    let length = length ?? payload.count, mask: UInt8 = isMasked ? 0x80 : 0
    var frame: [UInt8] = [(isLast ? 0x80 : 0) | reserved << 4 | opcode]
    if (0..<126).contains(length) {
      frame.append(mask | UInt8(length))
    } else if (0..<65_536).contains(length) {
      frame += [mask | 126, UInt8(length >> 8), UInt8(length & 0xff)]
    } else {
      frame += [mask | 127] + withUnsafeBytes(of: UInt64(bitPattern: Int64(length)).bigEndian) { Array($0) }
    }
    guard isMasked else { return frame + payload }
    let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }

  package func receiveFrame() throws -> Frame {
    let head = try receive(2)
    guard head.count == 2 else { throw Failure(description: "the connection ended") }
    var length = Int(head[1])
    if length == 126 { length = try receive(2).reduce(0) { $0 << 8 | Int($1) } }
    if length == 127 { length = try receive(8).reduce(0) { $0 << 8 | Int($1) } }
    return Frame(opcode: head[0] & 0x0f, payload: try receive(length), isLast: head[0] & 0x80 != 0)
  }

  /// Whether the other side has ended the connection, or does so before the time-out.
  package func isEnded() -> Bool { (try? receive(1))?.isEmpty == true }
}
