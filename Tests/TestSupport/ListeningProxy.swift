import Foundation
import Synchronization

/// Stands between a client and a server on TCP, and keeps all that it hears: what anybody on the network can.
public final class ListeningProxy: Sendable {
  /// Where clients connect.
  public let port: UInt16
  private let listener: Int32
  private let heard = Mutex<[UInt8]>([])

  /// - Parameter target: the server's port on 127.0.0.1.
  public init(to target: UInt16) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.address(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw RawPeer.Failure(description: String(cString: strerror(errno))) }
    port = UInt16(bigEndian: address.sin_port)
    self.listener = listener
    Thread.detachNewThread { [self] in
      while case let client = accept(listener, nil, nil), client >= 0 {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let isConnected = withUnsafePointer(to: Self.address(target)) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
          }
        }
        guard isConnected == 0 else {
          for descriptor in [client, server] { close(descriptor) }
          continue
        }
        for (from, to) in [(client, server), (server, client)] {
          Thread.detachNewThread { [self] in pump(from, to) }
        }
      }
    }
  }

  /// Ends listening; connections end with their peers.
  public func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// Everything that went through, in both directions.
  public var bytes: [UInt8] { heard.withLock { $0 } }

  /// Whether a text went through in one piece.
  public func heard(_ text: String) -> Bool { Data(bytes).range(of: Data(text.utf8)) != nil }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    return address
  }

  private func pump(_ from: Int32, _ to: Int32) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = recv(from, &buffer, buffer.count, 0), count > 0 {
      heard.withLock { $0 += buffer[..<count] }
      var sent = 0
      while sent < count {
        let more = buffer[sent..<count].withUnsafeBytes { send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard more > 0 else { return }
        sent += more
      }
    }
    shutdown(to, Int32(SHUT_RDWR))
  }
}
