import Foundation
import Testing
import UnifiedIO

/// `uio2 bench` and `uio2 quantize` on a small random checkpoint.
@Suite struct BenchCommandTests {
  private func report(_ folder: URL, _ arguments: [String]) throws -> (text: String, json: [String: Any]) {
    let (text, json, _) = try fullReport(folder, arguments)
    return (text, json)
  }

  private func fullReport(
    _ folder: URL, _ arguments: [String]
  ) throws -> (text: String, json: [String: Any], errors: String) {
    let file = folder.appending(path: "report.json")
    let cache = arguments.contains("tiny") ? ["--cache", folder.appending(path: "cache").path] : []
    let outcome = try BuiltTool.run(
      ["bench", "--json", file.path] + arguments + cache)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
    return (outcome.output, try #require(json), outcome.errors)
  }

  @Test(arguments: ["f32", "int8"]) func everyStageAndRateIsThere(weights: String) throws {
    try BuiltTool.withFolder { folder in
      let (text, json) = try report(folder, ["--size", "tiny", "--weights", weights, "--steps", "1", "--threads", "1"])
      #expect(json["weights"] as? String == weights && json["threads"] as? Int == 1)
      let ceilings = try #require(json["ceilings"] as? [String: Double])
      #expect(
        Set(ceilings.keys) == ["f32_gflops", "int8_gops", "read_gbps", "read_in_order_gbps"]
          && ceilings.values.allSatisfy { $0 > 0 })
      let cases = try #require(json["cases"] as? [[String: Any]])
      let stages = cases.map { Set(($0["stages"] as? [String: Any] ?? [:]).keys) }
      #expect(stages[0].isSuperset(of: ["image_decode", "preprocess", "vision", "encode", "token", "post", "whole"]))
      #expect(stages[1].contains("cross_keys"))
      let rates = try #require(cases[3]["rates"] as? [[String: Any]])
      #expect(rates.count == 3 && rates.allSatisfy { ($0["of_ceiling"] as? Double ?? 0) > 0 })
      #expect(text.contains("this machine at best") && text.contains("peak memory"))
      let names = cases.compactMap { $0["name"] as? String }
      // What Benchmarks/peers looks for.
      #expect(names[0].hasPrefix("256x128 ") && names[0].hasSuffix("forced by the grammar"))
      #expect(names[2].hasPrefix("384x384 ") && names[3] == "encode 640 tokens")
      #expect(names[4].hasSuffix("none known from before") && names[5].hasSuffix("1 of them new"))
    }
  }

  @Test func theDaemonIsMeasuredBesideABareEcho() throws {
    try BuiltTool.withFolder { folder in
      let (text, json) = try report(folder, ["--size", "daemon"])
      #expect(json["model"] as? String == "daemon")
      // The picture and what else an observation says; a chunk of 4 commands.
      let request = try #require(json["request_bytes"] as? Int), reply = try #require(json["reply_bytes"] as? Int)
      #expect((20_000..<100_000).contains(request) && (100..<1_000).contains(reply))
      let cases = try #require(json["cases"] as? [[String: Any]])
      #expect(cases.count == 3)
      let stages = cases.map { $0["stages"] as? [String: [String: Double]] ?? [:] }
      let medians = stages.map { $0.mapValues { $0["median_ms"] ?? 0 } }
      let echo = try #require(medians[2]["whole"])
      #expect(echo > 0 && Set(medians[2].keys) == ["whole"])
      for daemon in medians[..<2] {
        #expect(Set(daemon.keys) == ["queue", "image_decode", "post", "wire", "whole"])
        let whole = try #require(daemon["whole"])
        #expect(whole > echo && whole < 50, "\(medians)")
      }
      for name in ["256x256 JPEG to 4 commands, over libzmq", "over our own ZMTP", "bare ZeroMQ echo"] {
        #expect(text.contains(name))
      }
    }
  }

  @Test func sessionsOfAPolicyAreHeldAgainstOneByOne() throws {
    try BuiltTool.withFolder { folder in
      let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5").path
      let (text, json) = try report(folder, ["--size", policy, "--sessions", "4,2"])
      let cases = try #require(json["cases"] as? [[String: Any]])
      let sessions = cases.compactMap { $0["sessions"] as? [String: Double] }
      #expect(sessions.map { $0["count"] } == [1, 2, 4], "one robot is what the others are held against")
      #expect(sessions.first?["of_one_by_one"] == 1)
      for figures in sessions {
        let ratio = try #require(figures["of_one_by_one"])
        // Wide, because the machine may be busy with other things.
        #expect(ratio > 0.1 && ratio < 3, "\(sessions)")
        #expect((figures["each_ms"] ?? 0) > 0)
      }
      #expect(text.contains("4 robots together") && text.contains("1 robot alone"))
    }
    for counts in ["", "0", "1,,2", "x", "257"] {
      #expect(try BuiltTool.run(["bench", "--size", "tiny", "--sessions", counts]).status == 64, "\(counts)")
    }
  }

  @Test func distortionIsSmallAndNamed() throws {
    try BuiltTool.withFolder { folder in
      let (text, json, errors) = try fullReport(folder, ["--size", "tiny", "--distortion"])
      let steps = errors.split(separator: "\n")
      #expect(steps.count == 7 && steps.first == "1 of 7: f32 weights", "it takes minutes with large models")
      #expect(steps.last == "7 of 7: int8 (32) weights, suited activations")
      let rows = try #require(json["rows"] as? [[String: Any]])
      #expect(rows.map { $0["weights"] as? String } == ["bf16", "int8", "int8", "int8", "int8", "int8"])
      for row in rows {
        let logits = try #require(row["logits"] as? Double)
        #expect(logits > 0 && logits < 0.05, "\(row)")
      }
      #expect(text.contains("decoder_layer1"))
    }
  }

  @Test func aQuantizedCheckpointSaysWhatQuantizingWhenLoadingSays() throws {
    try BuiltTool.withFolder { folder in
      let original = folder.appending(path: "original").path, rounded = folder.appending(path: "rounded").path
      #expect(try BuiltTool.run(["synthesize", "--size", "tiny", original]).status == 0)
      let quantize = try BuiltTool.run(["quantize", original, rounded])
      #expect(quantize.status == 0 && quantize.output.contains("tensors"), "\(quantize.errors)")
      // The policy's vocabulary, with as many pieces as the release's embedding has rows for.
      var vocabulary = try SentencePieceModel(
        serialized: Array(
          Data(contentsOf: BuiltTool.repository.appending(path: "Policies/metaworld-mt5/tokenizer.model"))))
      let small = folder.appending(path: "small.model").path
      try Data(vocabulary.serialized()).write(to: URL(filePath: small))
      let refused = try BuiltTool.run(["generate", "--model", original, "--tokenizer", small, "--prompt", "x"])
      #expect(refused.status == 65 && refused.errors.contains("the vocabulary of another model"), "\(refused.errors)")
      for index in vocabulary.pieces.count..<32_000 {
        vocabulary.pieces.append(.init(text: Array("unused\(index)".utf8), kind: .unused))
      }
      let tokenizer = folder.appending(path: "large.model").path
      try Data(vocabulary.serialized()).write(to: URL(filePath: tokenizer))
      let say = ["--tokenizer", tokenizer, "--prompt", "Close the drawer.", "--max-tokens", "12", "--json"]
      let answers = try [["--model", original, "--weights", "int8"], ["--model", rounded]].map {
        try BuiltTool.run(["generate"] + $0 + say)
      }
      #expect(answers[0].status == 0 && answers[0].output == answers[1].output, "\(answers[0].errors)")
      let inspection = try BuiltTool.run(["inspect", rounded])
      #expect(inspection.status == 0 && !inspection.output.contains("missing"), "\(inspection.output)")
      let whole = try BuiltTool.run(["inspect", original])
      func parameters(_ outcome: BuiltTool.Outcome) -> Substring? {
        outcome.output.split(separator: "\n").first { $0.hasPrefix("all ") }?.split(separator: "  ").dropFirst(2).first
      }
      #expect(parameters(inspection) != nil && parameters(inspection) == parameters(whole), "\(inspection.output)")
      let again = try BuiltTool.run(["quantize", rounded, folder.appending(path: "twice").path])
      #expect(again.status == 65 && again.errors.contains("8-bit weights already"))
      #expect(try BuiltTool.run(["quantize", original, rounded]).status != 0, "weights are not written over")
      #expect(try BuiltTool.run(["quantize", original, folder.appending(path: "x").path, "--block", "6"]).status == 64)
    }
  }

  @Test func unknownSizesAndThreadsAreRefused() throws {
    #expect(try BuiltTool.run(["bench", "--size", "huge"]).status == 64)
    #expect(try BuiltTool.run(["bench", "--size", "tiny", "--threads", "0"]).status == 64)
    #expect(try BuiltTool.run(["bench", "--size", "tiny", "--weights", "int4"]).status == 64)
  }
}
