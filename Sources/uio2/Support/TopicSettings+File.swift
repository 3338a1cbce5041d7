import RobotInterface
import Topics
import TopicsWire

/// An arm whose parts publish, as a file of wires names it.
///
/// ```json
/// {"address": "topics://127.0.0.1:5560", "session": "arm", "instruction": "Open the door.", "rate_hz": 10, "skew_ms": 60,
///  "sources": [{"name": "front", "camera": "corner2", "address": "tcp://127.0.0.1:5561", "age_ms": 150, "frozen_ms": 1000},
///              {"name": "joints", "arm": true, "address": "ipc:///run/joints", "age_ms": 100}]}
/// ```
extension TopicSettings {
  /// What an entry may say.
  static let keys = ["address", "instruction", "rate_hz", "session", "skew_ms", "sources"]
  private static let sourceKeys = ["address", "age_ms", "arm", "camera", "frozen_ms", "name"]

  /// Reads an entry.
  ///
  /// - Throws: `bad`'s, with the word at fault.
  init(_ entry: [String: Any], _ bad: (String) -> CommandFailure) throws(CommandFailure) {
    guard let sources = entry["sources"] as? [[String: Any]], !sources.isEmpty else {
      throw bad("sources: expected a list of objects with a name, an address and age_ms each")
    }
    self.init(sources: [])
    if let value = entry["session"] { session = try Self.text(value) { bad("session: \($0)") } }
    if let value = entry["instruction"] { instruction = try Self.text(value) { bad("instruction: \($0)") } }
    if let value = entry["rate_hz"] {
      guard let rate = value as? Double, (0.1...1000).contains(rate) else {
        throw bad("rate_hz: expected 0.1 to 1000")
      }
      self.rate = rate
    }
    if let value = entry["skew_ms"] { maximumSkew = try Self.time(value) { bad("skew_ms: \($0)") } }
    for (index, source) in sources.enumerated() {
      self.sources.append(try Self.source(source) { bad("sources[\(index)]\($0)") })
    }
  }

  private static func source(
    _ entry: [String: Any], _ bad: (String) -> CommandFailure
  ) throws(CommandFailure) -> Source {
    try ListenFile.check(entry, sourceKeys) { bad(": \($0)") }
    let name = try text(entry["name"]) { bad(".name: \($0)") }
    let address = try text(entry["address"]) { bad(".address: \($0)") }
    let endpoint: Endpoint
    do throws(RobotError) { endpoint = try Endpoint(address, for: .connect) } catch {
      throw bad(".address: \(error.message)")
    }
    let role: Role
    switch entry["arm"] {
    case nil:
      role = .camera(
        try entry["camera"].map { value throws(CommandFailure) in try text(value) { bad(".camera: \($0)") } } ?? name)
    case let isArm as Bool where isArm && entry["camera"] == nil: role = .arm
    default: throw bad(".arm: expected true, or nothing and perhaps a camera")
    }
    let age = try time(entry["age_ms"]) { bad(".age_ms: \($0)") }
    let frozen = try entry["frozen_ms"].map { value throws(CommandFailure) in
      try time(value) { bad(".frozen_ms: \($0)") }
    }
    if frozen != nil, role == .arm { throw bad(".frozen_ms: goes with cameras; an arm may rest") }
    return Source(TopicSource(name, maximumAge: age, frozenAfter: frozen), role, at: endpoint)
  }

  private static func text(_ value: Any?, _ bad: (String) -> CommandFailure) throws(CommandFailure) -> String {
    guard let text = value as? String, !text.isEmpty else { throw bad("expected a text") }
    return text
  }

  /// Nanoseconds of milliseconds.
  private static func time(_ value: Any?, _ bad: (String) -> CommandFailure) throws(CommandFailure) -> UInt64 {
    guard let time = value as? Double, (1...60_000).contains(time) else { throw bad("expected 1 to 60000") }
    return UInt64(time * 1e6)
  }
}
