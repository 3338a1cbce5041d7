import Foundation
import TestSupport
import Testing
import uio2

@Suite("No file of wires can bring the program down")
struct ListenFileMutationTests {
  private static let samples = [
    #"""
    {"listen": [{"address": "openpi://127.0.0.1:8000", "clock": "simulated", "chunks": "finished",
      "keys": {"cameras": [{"name": "front", "key": "image"}], "state": ["state"], "prompt": "prompt"}},
     {"address": "tcp://127.0.0.1:*"}, {"address": "http://[::1]:9464"}]}
    """#,
    #"""
    {"listen": [{"address": "vla-eval://127.0.0.1:8001", "keys": {"cameras": [{"name": "a", "key": "b\u00e9"}],
      "state": [], "instruction": "task"}}, {"address": "console://127.0.0.1:8080", "rate_hz": 5.5e0,
      "cameras": [{"name": "front", "matrix": [1,0,0,0,0,1,0,0,0,0,1,-1e3]},
        {"name": "top", "position": [1, 2, 3], "target": [0, 0, 0.5]}]}]}
    """#,
    #"""
    {"listen": [{"address": "topics://127.0.0.1:5560", "session": "arm", "instruction": "Open it.", "rate_hz": 10, "skew_ms": 60,
      "sources": [{"name": "front", "camera": "corner2", "address": "tcp://127.0.0.1:5561", "age_ms": 150, "frozen_ms": 1000},
        {"name": "joints", "arm": true, "address": "ipc:///run/joints", "age_ms": 100}]}]}
    """#,
  ].map { Array($0.utf8) }

  /// `scripts/wires/mutate.sh` asks for a million.
  private static let rounds =
    ProcessInfo.processInfo.environment["UIO2_MUTATIONS"].flatMap(Int.init) ?? 3_000

  @Test func `changed files are read or refused`() throws {
    for sample in Self.samples { _ = try ListenFile(sample, path: "sample") }
    var random = SeededGenerator(seed: 1)
    var accepted = 0
    for round in 0..<Self.rounds {
      let bytes = random.changed(Self.samples[round % Self.samples.count])
      if (try? ListenFile(bytes, path: "changed")) != nil { accepted += 1 }
    }
    #expect(accepted > 0 && accepted < Self.rounds)
  }
}
