import Foundation
import Testing

/// `uio2 bench` and `uio2 quantize` on a small random checkpoint.
@Suite struct BenchCommandTests {
  private func report(_ folder: URL, _ arguments: [String]) throws -> (text: String, json: [String: Any]) {
    let file = folder.appending(path: "report.json")
    let outcome = try BuiltTool.run(
      ["bench", "--cache", folder.appending(path: "cache").path, "--json", file.path] + arguments)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
    return (outcome.output, try #require(json))
  }

  @Test(arguments: ["f32", "int8"]) func everyStageAndRateIsThere(weights: String) throws {
    try BuiltTool.withFolder { folder in
      let (text, json) = try report(folder, ["--size", "tiny", "--weights", weights, "--steps", "1", "--threads", "1"])
      #expect(json["weights"] as? String == weights && json["threads"] as? Int == 1)
      let ceilings = try #require(json["ceilings"] as? [String: Double])
      #expect(Set(ceilings.keys) == ["f32_gflops", "int8_gops", "read_gbps"] && ceilings.values.allSatisfy { $0 > 0 })
      let cases = try #require(json["cases"] as? [[String: Any]])
      let stages = cases.map { Set(($0["stages"] as? [String: Any] ?? [:]).keys) }
      #expect(stages[0].isSuperset(of: ["image_decode", "preprocess", "vision", "encode", "token", "post", "whole"]))
      #expect(stages[1].contains("cross_keys"))
      let rates = try #require(cases.last?["rates"] as? [[String: Any]])
      #expect(rates.count == 3 && rates.allSatisfy { ($0["of_ceiling"] as? Double ?? 0) > 0 })
      #expect(text.contains("this machine at best") && text.contains("peak memory"))
      let names = cases.compactMap { $0["name"] as? String }
      // What Benchmarks/peers looks for.
      #expect(names[0].hasPrefix("256x128 ") && names[0].hasSuffix("forced by the grammar"))
      #expect(names[2].hasPrefix("384x384 ") && names[3] == "encode 640 tokens")
    }
  }

  @Test func distortionIsSmallAndNamed() throws {
    try BuiltTool.withFolder { folder in
      let (text, json) = try report(folder, ["--size", "tiny", "--distortion"])
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
      let tokenizer = BuiltTool.repository.appending(path: "Policies/metaworld-mt5/tokenizer.model").path
      let say = ["--tokenizer", tokenizer, "--prompt", "Close the drawer.", "--max-tokens", "12", "--json"]
      let answers = try [["--model", original, "--weights", "int8"], ["--model", rounded]].map {
        try BuiltTool.run(["generate"] + $0 + say)
      }
      #expect(answers[0].status == 0 && answers[0].output == answers[1].output, "\(answers[0].errors)")
      let again = try BuiltTool.run(["quantize", rounded, folder.appending(path: "twice").path])
      #expect(again.status == 65 && again.errors.contains("8-bit weights already"))
      #expect(try BuiltTool.run(["quantize", original, rounded]).status != 0, "weights are not written over")
      #expect(try BuiltTool.run(["quantize", original, folder.appending(path: "x").path, "--block", "6"]).status == 64)
    }
  }

  @Test func unknownSizesAndThreadsAreRefused() throws {
    #expect(try BuiltTool.run(["bench", "--size", "huge"]).status == 65)
    #expect(try BuiltTool.run(["bench", "--size", "tiny", "--threads", "0"]).status == 64)
    #expect(try BuiltTool.run(["bench", "--size", "tiny", "--weights", "int4"]).status == 64)
  }
}
