/// A request as a client made it, at most ``WebLimits/requestBytes`` long.
public struct WebRequest: Sendable, Hashable {
  /// A header's name and value.
  public struct Header: Sendable, Hashable {
    /// As the client wrote it.
    public var name: String
    /// As the client wrote it.
    public var value: String

    /// Collects the parts.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Such as `GET`.
  public var method: String
  /// Up to the question mark, not decoded.
  public var path: String
  /// Behind the question mark, not decoded; empty if there is none.
  public var query: String
  /// In the client's order.
  public var headers: [Header]
  /// The client's IP address.
  public var peer: String

  /// Collects the parts.
  public init(method: String, path: String, query: String = "", headers: [Header] = [], peer: String = "") {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.peer = peer
  }

  /// The value of a header, whatever its name's case; `nil` if it is not there, or not exactly once.
  public func header(_ name: String) -> String? {
    let found = headers.filter { $0.name.lowercased() == name.lowercased() }
    return found.count == 1 ? found[0].value : nil
  }
}

/// An answer to a request.
public struct WebResponse: Sendable, Hashable {
  /// Such as 200.
  public var status: Int
  /// The kind of ``body``.
  public var contentType: String
  /// Beside those that every answer has.
  public var headers: [WebRequest.Header]
  /// What it says.
  public var body: [UInt8]

  /// An answer of text.
  public init(
    status: Int = 200, _ text: String, contentType: String = "text/plain; charset=utf-8",
    headers: [WebRequest.Header] = []
  ) {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    body = Array(text.utf8)
  }
}

/// A websocket's message.
public enum WebMessage: Sendable, Hashable {
  case text(String)
  case binary([UInt8])

  /// Bytes of it.
  public var count: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .binary(let bytes): bytes.count
    }
  }
}

/// One websocket, for as long as the process lives: no two have the same.
public struct WebConnection: Sendable, Hashable {
  let number: UInt64
}

/// Why a websocket ended.
public struct WebClosure: Sendable, Hashable {
  /// A close code of RFC 6455: 1000, 1001 and so on; 1006 if the connection ended without one.
  public var code: Int
  /// Who ended it.
  public var byPeer: Bool
  /// Why, in a few words; of a peer's own reason nothing is kept.
  public var reason: String

  /// Collects the parts.
  public init(code: Int, byPeer: Bool, reason: String) {
    self.code = code
    self.byPeer = byPeer
    self.reason = reason
  }
}

/// Something that happened to a websocket. Of each one, ``opened`` comes first, then its messages in order, then ``closed``, once.
public enum WebEvent: Sendable, Hashable {
  case opened(WebConnection, WebRequest)
  /// `arrivedAt`: in nanoseconds on `MonotonicClock`, when the message had come, however long it has waited since; earlier where the
  /// server could not look for a while, and it may have waited all that time.
  case message(WebConnection, WebMessage, arrivedAt: UInt64)
  /// Messages that nobody had taken are gone with it.
  case closed(WebConnection, WebClosure)
}

/// What became of a message.
public enum WebDelivery: Sendable, Hashable {
  /// It is on its way.
  case sent
  /// The client reads too slowly to take more; the message was dropped.
  case full
  /// There is no such websocket any more.
  case gone
}
