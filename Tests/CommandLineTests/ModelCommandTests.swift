import Foundation
import Testing

/// `uio2 inspect`, `parity` and `serve` on the golden checkpoint and on folders that hold nothing of use.
@Suite struct ModelCommandTests {
  private static let goldens = BuiltTool.repository.appending(path: "Tests/UnifiedIOTests/Fixtures/tiny-a").path

  @Test func inspectTellsWhatAModelIs() throws {
    let outcome = try BuiltTool.run(["inspect", Self.goldens])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("encoder        2 layers of 64, 4 heads of 16, MLP 128"))
    #expect(outcome.output.contains("reads          text, image, image_history, audio, audio_history"))
  }

  @Test func inspectWritesTheSameAsJSON() throws {
    let outcome = try BuiltTool.run(["inspect", Self.goldens, "--json"])
    #expect(outcome.status == 0)
    let document = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let model = try #require(document["model"] as? [String: Any])
    let parts = try #require(model["parts"] as? [[String: Any]])
    #expect(model["parameters"] as? Int == parts.reduce(0) { $0 + ($1["parameters"] as? Int ?? 0) })
    #expect(document["policy"] == nil)
  }

  @Test func `inspect tells which sentences a policy knows and what it accepts`() throws {
    let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5").path
    let outcome = try BuiltTool.run(["inspect", policy])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("  Move the gripper to the red goal point.\n"))
    #expect(outcome.output.contains("  1.2 m/s\n"))
    #expect(outcome.output.contains("tolerance"))
    let written = try BuiltTool.run(["inspect", policy, "--json"])
    let document = try #require(try JSONSerialization.jsonObject(with: Data(written.output.utf8)) as? [String: Any])
    let description = try #require(document["policy"] as? [String: Any])
    #expect((description["instructions"] as? [String])?.count == 5)
    #expect(description["unlimited"] as? Bool == false)
    let measured = try #require(description["proprioception"] as? [[String: Any]])
    #expect(measured.allSatisfy { ($0["tolerance"] as? Double ?? 0) > 0 })
  }

  @Test func parityPrintsARowATensorAndWritesThem() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "parity.json")
      let outcome = try BuiltTool.run(["parity", Self.goldens, "--part", "internals_b1", "--json", file.path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let data = try Data(contentsOf: file)
      let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [[String: Any]]])
      let rows = try #require(report["rows"])
      #expect(!rows.isEmpty && rows.allSatisfy { $0["passed"] as? Bool == true })
      for row in rows { #expect(outcome.output.contains(row["tensor"] as? String ?? "?")) }
      #expect(outcome.output.hasSuffix("\(rows.count) of \(rows.count) tensors within tolerance\n"))
    }
  }

  @Test func parityOutOfToleranceIs1() throws {
    try BuiltTool.withFolder { folder in
      // One number of the answers is changed: the last bytes of the file belong to some golden tensor.
      let copy = folder.appending(path: "goldens")
      try FileManager.default.copyItem(atPath: Self.goldens, toPath: copy.path)
      for name in ["config.json", "internals_b1.safetensors"] {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o644], ofItemAtPath: copy.appending(path: name).path)
      }
      let file = copy.appending(path: "internals_b1.safetensors")
      var bytes = try Data(contentsOf: file)
      let header = bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      // Whole tensors of ones where the golden values stood.
      for place in (8 + header)..<bytes.count { bytes[place] = 0x3f }
      try bytes.write(to: file)
      let outcome = try BuiltTool.run(["parity", copy.path, "--part", "internals_b1"])
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("FAILED"))
      #expect(outcome.errors.contains("out of tolerance"))
    }
  }

  @Test(arguments: [
    ["inspect", "/"], ["inspect", "/no/such/folder"], ["parity", "/"], ["serve", "--policy", "/no/such/folder"],
    ["serve", "--policy", "/"],
    ["rollout", "--env", "metaworld:a", "--python", "/bin/sh", "--policy", "/no/such/folder"],
  ])
  func whatIsNoModelIs65(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 65)
    #expect(outcome.errors.hasPrefix("uio2: "))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }
}
