package import AccessKeys
import ProtobufCodec
package import RobotInterface
import Synchronization
package import ZeroMQTransport

/// Reads requests of `uio2.v1` and writes replies, whichever transport carries them: who says it, by the keys as they are now, what is too large
/// or cannot be read, and whether it is a stop all the same.
package final class RequestReader: Sendable {
  private let maximumMessageBytes: Int
  private let keys: KeyRing?
  private let observer: (any MessageObserver)?
  private let rejected = Atomic<UInt64>(0)

  /// Bytes of messages that were too large or could not be read.
  package var rejectedBytes: UInt64 { rejected.load(ordering: .relaxed) }

  /// - Parameter keys: who may ask; `nil`: anybody.
  package init(_ setting: ListenerSetting, keys: KeyRing?) {
    maximumMessageBytes = setting.maximumMessageBytes
    observer = setting.observer
    self.keys = keys
  }

  /// Sends a reply to whoever may have it.
  ///
  /// - Parameter send: to the peer of a route.
  package func deliver(
    _ reply: ReplyMessage, to route: Route, _ send: ([UInt8], RouterSocket.Peer) throws(RobotError) -> Delivery
  ) throws(RobotError) -> Delivery {
    guard let peer = RouterSocket.Peer(route) else { return .gone }
    // Whose key was taken away gets nothing more, not even what was asked before.
    if let keys, let identity = route.peer, !keys.holds(identity) { return .gone }
    // The daemon has checked its chunks, which are most of what it says.
    let bytes = if case .actionChunk = reply.body { reply.encodedWithoutCheck() } else { try reply.encoded() }
    let delivery = try send(bytes, peer)
    observer?.sent(reply, as: bytes, isDelivered: delivery == .sent)
    return delivery
  }

  /// What a message says, and who says it.
  package func arrival(_ incoming: RouterSocket.Incoming, at now: UInt64) -> Arrival {
    let route: Route
    switch identified(incoming) {
    case .success(let found): route = found
    case .failure(let refusal): return refused(incoming, refusal.route, at: now)
    }
    switch incoming {
    case .message(_, let bytes):
      do throws(RobotError) {
        let request = try RequestMessage(decoding: bytes)
        observer?.received(request, as: bytes, at: now)
        return .request(route, .success(request), arrivedAt: now)
      } catch {
        reject(bytes.count)
        return .request(route, answerable(.peek(bytes), because: error, at: now), arrivedAt: now)
      }
    case .tooLarge(_, let beginning, let bytes):
      reject(bytes)
      let error = RobotError(
        .tooLarge, "message",
        "\(bytes) bytes, at most \(maximumMessageBytes) are allowed; send smaller or compressed pictures")
      return .request(route, answerable(.peek(beginning), because: error, at: now), arrivedAt: now)
    case .malformed(_, let error):
      return .request(route, .failure(UnreadableRequest(error: error)), arrivedAt: now)
    }
  }

  /// Who is at the other end, as far as that is known.
  package func route(of peer: RouterSocket.Peer) -> Route { Route(peer, peer.key.flatMap { keys?.holder(ofKey: $0) }) }

  private func reject(_ bytes: Int) { rejected.wrappingAdd(UInt64(bytes), ordering: .relaxed) }

  /// Nobody holds the key of a connection any more.
  private struct Unknown: Error {
    var route: Route
  }

  /// Who it is by now: keys come and go while connections stay.
  private func identified(_ incoming: RouterSocket.Incoming) -> Result<Route, Unknown> {
    let peer = incoming.peer
    guard let keys else { return .success(Route(peer)) }
    guard let key = peer.key, let identity = keys.holder(ofKey: key) else {
      keys.refuse(.removedKey, peer.key ?? "")
      return .failure(Unknown(route: Route(peer)))
    }
    return .success(Route(peer, identity))
  }

  /// The answer to what a key says that was taken away. Also to a stop: its robots were stopped with it.
  private func refused(_ incoming: RouterSocket.Incoming, _ route: Route, at now: UInt64) -> Arrival {
    let header: MessageHeader? =
      switch incoming {
      case .message(_, let bytes), .tooLarge(_, let bytes, _): .peek(bytes)
      case .malformed: nil
      }
    let error = RobotError(
      .notOwner, "key", "this client's key is not held any more; connect with one that the daemon's folder of keys has")
    return .request(
      route,
      .failure(
        UnreadableRequest(requestID: header?.requestID ?? 0, sessionID: header?.sessionID ?? "", error: error)),
      arrivedAt: now)
  }

  /// What cannot be read, unless somebody wants a robot to stop by it.
  private func answerable(
    _ header: MessageHeader, because error: RobotError, at now: UInt64
  ) -> Result<RequestMessage, UnreadableRequest> {
    guard let reason = header.stopReason, !header.sessionID.isEmpty else {
      return .failure(UnreadableRequest(requestID: header.requestID, sessionID: header.sessionID, error: error))
    }
    let stop = RequestMessage(requestID: header.requestID, sessionID: header.sessionID, body: .stop(reason: reason))
    observer?.received(stop, as: nil, at: now)
    return .success(stop)
  }
}

extension Route {
  /// Whether there is a delimiter, then the name.
  package init(_ peer: RouterSocket.Peer, _ identity: PeerIdentity? = nil) {
    self.init(connection: [peer.hasDelimiter ? 1 : 0] + peer.identity, peer: identity)
  }
}

extension RouterSocket.Incoming {
  /// Who has said it.
  package var peer: RouterSocket.Peer {
    switch self {
    case .message(let peer, _), .tooLarge(let peer, _, _), .malformed(let peer, _): peer
    }
  }
}

extension RouterSocket.Peer {
  fileprivate init?(_ route: Route) {
    guard let flag = route.connection.first else { return nil }
    self.init(identity: Array(route.connection.dropFirst()), hasDelimiter: flag == 1)
  }
}
