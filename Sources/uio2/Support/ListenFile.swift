import Files
import Foundation
import OpenPI
import RobotInterface
import RobotPolicy
import TopicsWire
import VLAEval
import WebWires

/// A file of addresses with the naming of each wire's observations, `serve --listen-file`.
///
/// ```json
/// {"listen": [{"address": "openpi://127.0.0.1:8000", "clock": "simulated",
///   "keys": {"cameras": [{"name": "front", "key": "image"}], "state": ["state"], "prompt": "prompt"}}]}
/// ```
package struct ListenFile {
  /// What an entry says beside its address.
  struct Naming {
    var openpi: OpenPIKeys?
    var vlaEval: VLAKeys?
    var clock = RobotClock.monotonic
    var chunks = ChunkExecution.overlapping
    /// Of a console.
    var cameras: [CalibratedCamera] = []
    /// Of a console, Hz.
    var rate: Double?
    /// Of an arm whose parts publish.
    var topics: TopicSettings?
  }

  /// In the order of the file.
  let addresses: [ListenAddress]

  private static let maximumBytes = 1 << 20

  /// Reads a file.
  ///
  /// - Throws: `CommandFailure` that names the entry at fault; `ValidationError` for an address.
  init(path: String) throws {
    let bytes: [UInt8]
    do throws(FileError) { bytes = try InputFile.bytes(of: path, limit: Self.maximumBytes) } catch {
      throw CommandFailure(.badData, "--listen-file \(path): \(error.message)")
    }
    try self.init(bytes, path: path)
  }

  /// Reads what a file says.
  ///
  /// - Throws: as ``init(path:)``.
  package init(_ bytes: [UInt8], path: String) throws {
    func bad(_ message: String) -> CommandFailure { CommandFailure(.badData, "--listen-file \(path): \(message)") }
    // Foundation's parser would take one of two equal keys, and say nothing.
    do throws(PolicyError) { _ = try JSONParser.parse(bytes, name: "--listen-file \(path)") } catch {
      throw CommandFailure(.badData, "\(error.subject): \(error.message)")
    }
    guard let file = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw bad("expected a JSON object")
    }
    try Self.check(file, ["listen"]) { bad($0) }
    guard let entries = file["listen"] as? [[String: Any]], !entries.isEmpty else {
      throw bad("listen: expected a list of objects with an address each")
    }
    var addresses: [ListenAddress] = []
    for (index, entry) in entries.enumerated() {
      let place = "listen[\(index)]"
      guard let text = entry["address"] as? String else { throw bad("\(place).address: expected a text") }
      let isTopics = text.hasPrefix("topics://")
      try Self.check(
        entry, isTopics ? TopicSettings.keys : ["address", "cameras", "chunks", "clock", "keys", "rate_hz"]
      ) { bad("\(place): \($0)") }
      addresses.append(
        try ListenAddress(
          text, option: "--listen-file \(path): \(place).address",
          naming: try Self.naming(entry, of: text) { bad("\(place).\($0)") }))
    }
    self.addresses = addresses
  }

  private static func naming(
    _ entry: [String: Any], of address: String, _ bad: (String) -> CommandFailure
  ) throws(CommandFailure) -> Naming {
    var naming = Naming()
    if address.hasPrefix("topics://") {
      naming.topics = try TopicSettings(entry, bad)
      return naming
    }
    if let clock = entry["clock"] {
      guard address.hasPrefix("openpi://") else { throw bad("clock: goes with openpi:// only") }
      switch clock as? String {
      case "monotonic": naming.clock = .monotonic
      case "simulated": naming.clock = .simulated
      default: throw bad("clock: expected monotonic or simulated")
      }
    }
    if let chunks = entry["chunks"] {
      guard address.hasPrefix("openpi://") else { throw bad("chunks: goes with openpi:// only") }
      guard let known = (chunks as? String).flatMap(ChunkExecution.init) else {
        throw bad("chunks: expected overlapping or finished")
      }
      naming.chunks = known
    }
    if let cameras = entry["cameras"] {
      guard address.hasPrefix("console://") else { throw bad("cameras: goes with console:// only") }
      naming.cameras = try CalibratedCamera.list(cameras) { bad("cameras\($0)") }
    }
    if let rate = entry["rate_hz"] {
      guard address.hasPrefix("console://") else { throw bad("rate_hz: goes with console:// only") }
      guard let rate = rate as? Double, (0.1...60).contains(rate) else { throw bad("rate_hz: expected 0.1 to 60") }
      naming.rate = rate
    }
    guard let keys = entry["keys"] else { return naming }
    if address.hasPrefix("openpi://") {
      naming.openpi = try read(keys, ["cameras", "state", "prompt"], bad)
    } else if address.hasPrefix("vla-eval://") {
      naming.vlaEval = try read(keys, ["cameras", "state", "instruction"], bad)
    } else {
      throw bad("keys: goes with openpi:// and vla-eval:// only")
    }
    return naming
  }

  private static func read<Keys: Decodable>(
    _ value: Any, _ expected: [String], _ bad: (String) -> CommandFailure
  ) throws(CommandFailure) -> Keys {
    let names = expected.joined(separator: ", ")
    guard let map = value as? [String: Any] else { throw bad("keys: expected an object of \(names)") }
    try check(map, expected) { bad("keys: \($0)") }
    guard let data = try? JSONSerialization.data(withJSONObject: map),
      let keys = try? JSONDecoder().decode(Keys.self, from: data)
    else {
      throw bad("keys: expected \(names): cameras with a name and a key each, a list of keys, and a key")
    }
    return keys
  }

  /// A word that nobody reads would be a wish that nobody fulfils.
  static func check(
    _ map: [String: Any], _ expected: [String], _ bad: (String) -> CommandFailure
  ) throws(CommandFailure) {
    if let unknown = map.keys.sorted().first(where: { !expected.contains($0) }) {
      throw bad("\(unknown) is not known; expected \(expected.joined(separator: ", "))")
    }
  }
}
