import Foundation
import RobotInterface
import RobotPolicy
import Tensors
import Testing

/// The shipped policy with weights that are not what they should be.
@Suite("Weights that changed, and weights that are NaN or infinite") final class UnsoundWeightsTests {
  private let folder: URL
  private var weights: URL { folder.appending(path: "model.safetensors") }

  init() throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    folder = FileManager.default.temporaryDirectory.appending(path: "unsound-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: root.appending(path: "Policies/metaworld-mt5"), to: folder)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Writes over bfloat16 weights, where they lie in the file.
  private func set(_ tensor: String, _ value: Float, at indices: (Int) -> Range<Int>) throws {
    let entry = try #require(try SafetensorsFile(path: weights.path).entries[tensor])
    #expect(entry.type == .bf16)
    let handle = try FileHandle(forWritingTo: weights)
    let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
    let range = indices(entry.count)
    try handle.seek(toOffset: UInt64(entry.offset + 2 * range.lowerBound))
    let element = [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
    try handle.write(contentsOf: Data(range.flatMap { _ in element }))
    try handle.close()
  }

  private func observation() throws -> Observation {
    try #require(RecordedObservations(of: PolicyBundle.load(from: folder)).observations.first)
  }

  private func answer(_ policy: UnifiedIOPolicy, _ observation: Observation) -> Result<ActionChunk, RobotError> {
    var context = EpisodeContext()
    return Result { () throws(RobotError) in try policy.act(on: observation, context: &context) }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [nil, WeightFormat.bf16, .int8])
  func `one weight that is not finite refuses the policy`(value: Float, format: WeightFormat?) throws {
    let tensor = "decoder.layers_0.mlp.wo.weight"
    let columns = try #require(try SafetensorsFile(path: weights.path).entries[tensor]?.shape.last)
    try set(tensor, value) { _ in 2 * columns + 3..<2 * columns + 4 }
    let bundle = try PolicyBundle.load(from: folder)
    let error = #expect(throws: PolicyError.self) {
      try UnifiedIOPolicy(bundle: bundle, weights: WeightOptions(format: format))
    }
    #expect(error?.code == .incompatibleModel)
    #expect(error?.subject == tensor)
    #expect(error?.message.contains("[2, 3]") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: ["encoder.encoder_norm.scale", "decoder.decoder_norm.scale"])
  func `finite weights whose results are not are an invalid action, and a failed start`(tensor: String) throws {
    let seen = try observation()
    try set(tensor, 3e38) { 0..<$0 }
    let policy = try UnifiedIOPolicy(bundle: PolicyBundle.load(from: folder))
    guard case .failure(let error) = answer(policy, seen) else {
      Issue.record("an action was computed from NaN or infinity")
      return
    }
    #expect(error.code == .invalidAction)
    let cold = #expect(throws: RobotError.self) { try policy.warmUp() }
    #expect(cold?.code == .invalidAction)
    // Together as alone.
    var steps = [PolicyStep(observation: seen, context: EpisodeContext())]
    steps.append(steps[0])
    for result in policy.act(on: &steps) {
      #expect(throws: RobotError.self) { try result.get() }
    }
  }

  @Test func `a policy says the same after its file was written over and cut short`() throws {
    let seen = try observation()
    let expected = try answer(UnifiedIOPolicy(bundle: PolicyBundle.load(from: folder)), seen).get().tokens
    let bundle = try PolicyBundle.load(from: folder), before = try UnifiedIOPolicy(bundle: bundle)
    let handle = try FileHandle(forWritingTo: weights)
    try handle.seek(toOffset: 100_000)
    try handle.write(contentsOf: Data(repeating: 0x3f, count: 200_000))
    try handle.truncate(atOffset: 300_000)
    try handle.close()
    for weights in [WeightOptions.standard, WeightOptions(format: .bf16)] {
      let after = try UnifiedIOPolicy(bundle: bundle, weights: weights)
      #expect(after.capabilities.policyDigest == bundle.digest)
      #expect(try answer(after, seen).get().tokens == expected)
    }
    #expect(try answer(before, seen).get().tokens == expected)
    #expect(try PolicyBundle.load(from: folder).digest != bundle.digest)
  }
}
