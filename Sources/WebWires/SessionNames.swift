import Foundation
import RobotInterface
import WebServer

/// Which sessions the connections of a wire are, and which of them begin stopped.
///
/// A connection is the session that its client names, or one with a name that nobody can know before. A supervisor that restarts a stopped
/// robot must not lift its stop by that, so the session of a connection that ends while it is stopped is kept, with the token that owns it,
/// until it is resumed. A client that names it comes back to it. Of clients that name none nobody knows which robot they are: as long as
/// any session of theirs is stopped, its connection open or not, each new connection is a session that is kept, or begins stopped.
///
/// What is kept is bounded: one connection that comes again and again takes the name that it has left, so that there are never more such names
/// than there were connections at a time; of names that clients have chosen ``maximumKept`` are kept, and the daemon remembers the others'
/// stops itself.
struct SessionNames: Sendable {
  /// A session for a connection.
  struct Opening: Sendable {
    var name: String
    var token: [UInt8]
    /// Why it has to be stopped before anything else; `nil`: it has not, or is stopped already.
    var stopReason: String?
  }

  /// How a session ends with its connection.
  enum Ending: Sendable, Hashable {
    /// Given up: it is nobody's.
    case release
    /// Kept, for it is stopped.
    case keep
  }

  private struct Kept: Sendable {
    /// `nil` when another client turned out to own it.
    var token: [UInt8]?
    var isChosen: Bool
  }

  static let maximumKept = 1_024
  /// Sessions without a chosen name that have ended, whose stop may still come.
  static let maximumEnded = 256

  private let wire: String
  /// Of connections that are open, with whether it was chosen.
  private var open: [String: Bool] = [:]
  /// Sessions of open connections that are stopped.
  private var stopped: Set<String> = []
  private var kept: [String: Kept] = [:]
  /// Names of ``kept`` that nobody chose, the oldest first.
  private var inherited: [String] = []
  private var ended: [String] = []

  init(wire: String) { self.wire = wire }

  /// What a client asks to be called: `?session=NAME`, or the header `X-Session`; `nil`: nothing.
  static func chosen(in request: WebRequest) -> String? {
    let fields = request.query.split(separator: "&").filter { $0.hasPrefix("session=") }
    guard let field = fields.first else { return request.header("X-Session") }
    let text = String(field.dropFirst("session=".count))
    return text.removingPercentEncoding ?? text
  }

  /// The session of a new connection.
  ///
  /// - Parameter number: of the connection.
  /// - Throws: `.notOwner` when the connection of a client that has chosen the name is still open.
  mutating func open(_ chosen: String?, number: UInt64) throws(RobotError) -> Opening {
    if let chosen {
      guard open[chosen] == nil else {
        throw RobotError(
          .notOwner, "session",
          "another connection is the session “\(chosen)”; end that one first, or choose another name")
      }
      open[chosen] = true
      let token = kept[chosen]?.token
      if token != nil { stopped.insert(chosen) }
      return Opening(name: chosen, token: token ?? SecretBytes.random())
    }
    if let name = inherited.first(where: { open[$0] == nil && kept[$0]?.token != nil }), let token = kept[name]?.token {
      open[name] = false
      stopped.insert(name)
      return Opening(name: name, token: token)
    }
    // Nobody can take the name of a connection that is still to come.
    let name = "\(wire)-\(number)-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    open[name] = false
    let old = inherited.first ?? stopped.first { open[$0] == false }
    guard let old else { return Opening(name: name, token: SecretBytes.random()) }
    stopped.insert(name)
    return Opening(
      name: name, token: SecretBytes.random(),
      stopReason: "connections without a name begin stopped until \(old), which is stopped, is resumed")
  }

  /// Another client owns the session.
  mutating func disown(_ name: String) { kept[name]?.token = nil }

  /// A connection has ended.
  mutating func close(_ name: String, _ token: [UInt8]) -> Ending {
    let isChosen = open.removeValue(forKey: name) ?? true
    guard stopped.remove(name) != nil else {
      if !isChosen {
        ended.append(name)
        ended.removeFirst(max(0, ended.count - Self.maximumEnded))
      }
      return .release
    }
    return keep(name, token, isChosen: isChosen) ? .keep : .release
  }

  /// The daemon has said whether a session is stopped.
  ///
  /// - Returns: the token of a session to be given up: it was kept, is resumed, and has no connection.
  mutating func note(_ name: String, isStopped: Bool) -> [UInt8]? {
    guard isStopped else {
      stopped.remove(name)
      guard let old = kept.removeValue(forKey: name) else { return nil }
      inherited.removeAll { $0 == name }
      return open[name] == nil ? old.token : nil
    }
    if open[name] != nil {
      stopped.insert(name)
    } else if let place = ended.firstIndex(of: name) {
      // Whoever has stopped it did not know that its client had already come back as another.
      ended.remove(at: place)
      _ = keep(name, SecretBytes.random(), isChosen: false)
    }
    return nil
  }

  private mutating func keep(_ name: String, _ token: [UInt8], isChosen: Bool) -> Bool {
    // One that another client owns is no use to anybody, but stopped.
    if kept[name] != nil { return true }
    guard kept.count < Self.maximumKept else { return false }
    kept[name] = Kept(token: token, isChosen: isChosen)
    if !isChosen { inherited.append(name) }
    return true
  }
}
