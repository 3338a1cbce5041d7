import Foundation
public import RobotInterface
import Synchronization

/// The keys that a running daemon lets in: its folder of keys as it was last read.
///
/// Any thread may ask. Whoever is not on the ring is refused, also on a connection of before, so a key ends with the next look at the folder.
public final class KeyRing: Sendable {
  /// Why somebody was not let in.
  public enum Refusal: String, Sendable, CaseIterable {
    /// A ZeroMQ client without CURVE.
    case noKey = "no_key"
    /// A key that is not in the folder.
    case unknownKey = "unknown_key"
    /// A message of a key that was let in, and is in the folder no more.
    case removedKey = "removed_key"
    /// A handshake that did not come to its end: without a key, for another daemon's key, or by nobody who speaks ZeroMQ.
    case brokenHandshake = "broken_handshake"
    /// A request over HTTP without a token.
    case noToken = "no_token"
    /// A token that is nobody's.
    case unknownToken = "unknown_token"

    /// For logs.
    public var sentence: String {
      switch self {
      case .noKey: "a client without a key was refused"
      case .unknownKey: "a client with an unknown key was refused"
      case .removedKey: "a message of a removed key was refused"
      case .brokenHandshake: "a handshake was broken off, as without a key or for another daemon's"
      case .noToken: "a request without a token was refused"
      case .unknownToken: "a request with an unknown token was refused"
      }
    }
  }

  /// What another look at the folder has changed.
  public struct Change: Sendable {
    /// Names that are let in no more, or have another key than before.
    public var removed: Set<String>
    /// How many are let in.
    public var count: Int
    /// Files that are not in order; their keys are not let in.
    public var problems: [RobotError]
  }

  private struct State {
    var byKey: [String: KeyFolder.Holder] = [:]
    var byToken: [String: KeyFolder.Holder] = [:]
    var names: Set<String> = []
    var generation = 0
    var refusals: [Refusal: UInt64] = [:]

    mutating func replace(_ holders: [KeyFolder.Holder]) {
      byKey = Dictionary(holders.map { ($0.publicKey.text, $0) }) { first, _ in first }
      byToken = Dictionary(holders.compactMap { holder in holder.tokenHash.map { ($0, holder) } }) { first, _ in first }
      names = Set(holders.map(\.identity.name))
      generation += 1
    }
  }

  /// The daemon's own, for as long as it runs.
  public let daemonPair: CurveKeyPair
  private let folder: KeyFolder
  private let onRefusal: @Sendable (Refusal, String) -> Void
  private let state: Mutex<State>

  /// Reads a folder.
  ///
  /// - Parameter onRefusal: told of each refusal, with what is known of who was refused; from any thread, and must not wait.
  /// - Throws: as ``KeyFolder``, also for the first file that is not in order.
  public init(
    _ folder: KeyFolder, onRefusal: @escaping @Sendable (Refusal, String) -> Void = { _, _ in }
  ) throws(RobotError) {
    self.folder = folder
    self.onRefusal = onRefusal
    daemonPair = try folder.daemonPair()
    let (holders, problems) = try folder.holders()
    if let problem = problems.first { throw problem }
    var state = State()
    state.replace(holders)
    self.state = Mutex(state)
  }

  /// Looks at the folder again. Where it cannot be trusted as a whole, nobody is let in.
  public func reload() -> Change {
    var holders: [KeyFolder.Holder] = [], problems: [RobotError] = []
    do throws(RobotError) { (holders, problems) = try folder.holders() } catch { problems = [error] }
    return state.withLock { state in
      let before = state.byKey
      state.replace(holders)
      let removed = before.values.filter { state.byKey[$0.publicKey.text]?.identity.name != $0.identity.name }
      return Change(removed: Set(removed.map(\.identity.name)), count: holders.count, problems: problems)
    }
  }

  /// Changes with every look at the folder.
  public var generation: Int { state.withLock { $0.generation } }

  /// Who are let in, by name.
  public var holders: [KeyFolder.Holder] {
    state.withLock { $0.byKey.values.sorted { $0.identity.name < $1.identity.name } }
  }

  /// Who holds a key; `nil`: nobody who is let in.
  ///
  /// - Parameter publicKey: 40 characters.
  public func holder(ofKey publicKey: String) -> PeerIdentity? { state.withLock { $0.byKey[publicKey]?.identity } }

  /// Whether somebody is let in still.
  public func holds(_ identity: PeerIdentity) -> Bool { state.withLock { $0.names.contains(identity.name) } }

  /// Who says this in an HTTP header `Authorization`: `Bearer TOKEN`, `Api-Key TOKEN` as openpi's clients do, or `Basic` as browsers do, with
  /// any name and the token as the password.
  ///
  /// - Returns: why nobody is let in by it, otherwise.
  public func holder(authorization header: String?) -> Result<KeyFolder.Holder, Rejection> {
    guard let header else { return .failure(Rejection(.noToken)) }
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, let token = Self.token(scheme: parts[0].lowercased(), String(parts[1])) else {
      return .failure(Rejection(.noToken))
    }
    // Of a hash, so that the time it takes to find none says nothing of a token.
    let hash = AccessToken.hash(token)
    guard let holder = state.withLock({ $0.byToken[hash] }) else { return .failure(Rejection(.unknownToken)) }
    return .success(holder)
  }

  private static func token(scheme: String, _ value: String) -> String? {
    switch scheme {
    case "bearer", "api-key": return value
    case "basic":
      guard let pair = Data(base64Encoded: value), let colon = pair.firstIndex(of: UInt8(ascii: ":")) else {
        return nil
      }
      return String(decoding: pair[pair.index(after: colon)...], as: UTF8.self)
    default: return nil
    }
  }

  /// Why somebody is not let in, as an error.
  public struct Rejection: Error, Sendable {
    /// The reason.
    public var refusal: Refusal

    init(_ refusal: Refusal) { self.refusal = refusal }
  }

  /// Counts and tells a refusal.
  ///
  /// - Parameter who: what is known, such as an address; may be empty.
  public func refuse(_ refusal: Refusal, _ who: String) {
    state.withLock { $0.refusals[refusal, default: 0] += 1 }
    onRefusal(refusal, who)
  }

  /// How many were refused, and why.
  public var refusals: [Refusal: UInt64] { state.withLock { $0.refusals } }
}
