import Foundation
import Tensors
import UnifiedIO

/// Measures a model stage by stage, beside the machine's own ceilings.
public struct ModelBenchmark {
  let model: UnifiedIOModel
  let preprocessor: Preprocessor
  /// The machine's best, of the same run.
  let ceilings: MachineCeilings
  let meter: CeilingMeter
  let costs: ModelCosts
  /// Steps of each case that count, after one that does not.
  public var steps: Int

  /// - Parameters:
  ///   - model: what is measured; its words do not matter.
  ///   - tokenizer: any; it only turns ids into text.
  ///   - ceilings: the machine's best, of the same run.
  ///   - meter: measures them again beside the steps.
  public init(
    _ model: UnifiedIOModel, tokenizer: Tokenizer, ceilings: MachineCeilings, meter: CeilingMeter, steps: Int
  ) {
    self.model = model
    preprocessor = Preprocessor(configuration: model.configuration, tokenizer: tokenizer)
    self.ceilings = ceilings
    self.meter = meter
    self.steps = max(1, steps)
    costs = ModelCosts(
      transformer: model.configuration.transformer, format: model.weightFormat, kernels: ceilings.kernels)
  }

  /// A picture of noise, as a JPEG or PNG file would be decoded.
  ///
  /// - Parameter seed: other seeds, other noise.
  static func picture(_ width: Int, _ height: Int, seed: UInt64 = 7) throws -> [UInt8] {
    var state = seed
    let pixels = (0..<width * height * 3).map { _ -> UInt8 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    return try Image(width: width, height: height, pixels: pixels).pngData()
  }

  func text(_ count: Int) -> [Int32] { (0..<max(0, count - 1)).map { Int32(50 + $0 % 200) } + [Tokenizer.eos] }

  /// The last 1200 ids that are not markers hold the locations; here any 1000 ids will do.
  private var locations: Range<Int32> {
    let size = Int32(model.configuration.transformer.vocabularySize)
    return max(0, size - 1280)..<max(1, size - 280)
  }

  /// The whole way from a picture file to a sentence.
  ///
  /// - Parameters:
  ///   - size: of the picture, pixels.
  ///   - textTokens: of the prompt.
  ///   - usesGrammar: whether the sentence's fixed words are forced; else every token is picked.
  public func sentence(
    width: Int, height: Int, textTokens: Int = 64, usesGrammar: Bool
  ) throws -> BenchmarkReport.Case {
    let file = try Self.picture(width, height)
    let constraint = SentenceTemplate(locations: locations)
    var samples = StageSamples()
    var tokens = 0
    for step in 0...steps {
      model.encodings.removeAll()
      var stages = StageSamples()
      let clock = ContinuousClock(), start = clock.now
      let image = try stages.measure(.imageDecode) { try Image.decode(file) }
      let input = try stages.measure(.preprocess) {
        ModelInput(text: text(textTokens), image: try preprocessor.imageInput(image))
      }
      var timings = EncodingTimings()
      let encoded = try model.encode(input, timings: &timings)
      stages.add(timings.vision, to: .vision)
      stages.add(timings.encode, to: .encode)
      tokens = encoded.output.rows
      // Without the grammar no token ends the answer: 24 are picked among all.
      let options = GenerationOptions(
        maximumTokens: SentenceTemplate.count, logitBias: usesGrammar ? [:] : [Tokenizer.eos: -.infinity])
      var moments = [clock.now]
      let answer = try model.generateText(
        from: encoded, options: options, constraint: usesGrammar ? constraint : nil,
        onToken: { _ in
          moments.append(clock.now)
          return true
        })
      let durations = zip(moments, moments.dropFirst()).map { $1 - $0 }
      if usesGrammar {
        // Forced tokens come in no time, and those after them late: only the mean says anything.
        stages.add((clock.now - moments[0]) / max(answer.tokens.count, 1), to: .token)
      } else {
        let later = durations.dropFirst().sorted(), token = later.isEmpty ? .zero : later[later.count / 2]
        stages.add(token, to: .token)
        // What is computed before the first token is said.
        stages.add(max(.zero, (durations.first ?? .zero) - token), to: .crossKeys)
      }
      _ = stages.measure(.post) { preprocessor.tokenizer.decode(answer.tokens) }
      stages.add(clock.now - start, to: .whole)
      if step > 0 { samples.add(stages) }
    }
    let kind = usesGrammar ? "6 picked, 18 forced by the grammar" : "all picked"
    return BenchmarkReport.Case(
      name: "\(width)x\(height) image + \(textTokens) text tokens -> \(SentenceTemplate.count)-token sentence, \(kind)",
      encoderTokens: tokens, stages: samples.named, rates: [])
  }

  /// The encoder, the keys and values that the decoder reads of it, and single tokens, each alone.
  ///
  /// - Parameters:
  ///   - tokens: of the encoder; as many of them as the picture has are patches, the others text.
  ///   - examples: that the decoder serves at the same time.
  public func parts(tokens: Int, examples: Int = 1, decodedTokens: Int = 24) throws -> BenchmarkReport.Case {
    let input = try example(tokens: tokens)
    let encoderTokens = [Int](repeating: tokens, count: examples)
    let vocabulary = model.configuration.transformer.vocabularySize
    var samples = StageSamples()
    var encodeRatios: [Double] = [], tokenRatios: [Double] = [], tokenRatiosInOrder: [Double] = []
    for step in 0...steps {
      model.encodings.removeAll()
      var stages = StageSamples()
      var timings = EncodingTimings()
      let before = meter.measure(milliseconds: Self.ceilingMilliseconds)
      let encoded = try model.encode([ModelInput](repeating: input, count: examples), timings: &timings)
      stages.add(timings.vision, to: .vision)
      stages.add(timings.encode, to: .encode)
      let between = meter.measure(milliseconds: Self.ceilingMilliseconds)
      var session = try stages.measure(.crossKeys) { try DecodingSession(model, encoded) }
      _ = try session.feed(encoded.map { _ in [Tokenizer.bos] })
      for index in 0..<decodedTokens {
        try stages.measure(.token) { _ = try session.feed(encoded.map { _ in [Int32(50 + index)] }) }
      }
      let after = meter.measure(milliseconds: Self.ceilingMilliseconds)
      guard step > 0 else { continue }
      samples.add(stages)
      let figures = stages.figures
      if let encode = figures[.encode] {
        encodeRatios.append(
          Double(examples) * costs.encoderFloor(tokens: tokens, before.mean(with: between)) / encode.median)
      }
      if let token = figures[.token] {
        let ceilings = between.mean(with: after)
        func ratio(_ ceilings: MachineCeilings) -> Double {
          costs.tokenFloor(encoderTokens: encoderTokens, vocabulary: vocabulary, ceilings) / token.median
        }
        tokenRatios.append(ratio(ceilings))
        tokenRatiosInOrder.append(ratio(ceilings.inOrder))
      }
    }
    var rates: [BenchmarkReport.Rate] = []
    let figures = samples.figures
    if let encode = figures[.encode] {
      let operations = costs.encoderProducts(tokens: tokens) + costs.encoderAttention(tokens: tokens)
      rates.append(
        .init(
          name: "encode, attention included", value: operations * Double(examples) / encode.median * 1e-6,
          unit: arithmeticUnit, ofCeiling: encodeRatios.median))
    }
    if let token = figures[.token] {
      let bytes = costs.tokenBytes(encoderTokens: encoderTokens, vocabulary: vocabulary)
      rates.append(
        .init(
          name: "decoder token", value: bytes / token.median * 1e-6, unit: "GB/s", ofCeiling: tokenRatios.median,
          ofReadingInOrder: tokenRatiosInOrder.median))
    }
    return BenchmarkReport.Case(
      name: examples == 1 ? "encode \(tokens) tokens" : "encode \(tokens) tokens, \(examples) sessions together",
      encoderTokens: tokens, stages: samples.named, rates: rates,
      floors: [
        StageSamples.Stage.encode.rawValue: Double(examples) * costs.encoderFloor(tokens: tokens, ceilings),
        StageSamples.Stage.token.rawValue: costs.tokenFloor(
          encoderTokens: encoderTokens, vocabulary: vocabulary, ceilings),
      ])
  }

  /// For each kind of ceiling, before and after what is held against it.
  static let ceilingMilliseconds = 25

  /// The encoder's matrix products alone.
  public func products(rows: Int) -> BenchmarkReport.Rate {
    let clock = ContinuousClock()
    var operations = 0.0
    _ = model.computeEncoderProducts(rows: rows)
    var ratios: [Double] = []
    let rates = (0..<max(3, steps)).map { _ -> Double in
      let before = meter.measure(milliseconds: Self.ceilingMilliseconds)
      let seconds = clock.measure { operations = model.computeEncoderProducts(rows: rows) }.seconds
      let ceilings = before.mean(with: meter.measure(milliseconds: Self.ceilingMilliseconds))
      let rate = operations / seconds * 1e-9
      ratios.append(rate / max(costs.arithmetic(ceilings), 1e-9))
      return rate
    }
    return .init(
      name: "encoder matrix products, \(rows) rows", value: rates.median, unit: arithmeticUnit, ofCeiling: ratios.median
    )
  }

  private var arithmeticUnit: String { model.weightFormat == .int8 ? "GOP/s" : "GFLOP/s" }

  /// An example of so many tokens: at most a picture's worth of patches, the rest text.
  private func example(tokens: Int) throws -> ModelInput {
    let transformer = model.configuration.transformer
    let side = transformer.imagePatchSize, patches = min(transformer.maximumInputImage, max(0, tokens - 64))
    let textTokens = min(tokens - patches, transformer.maximumInputText)
    var input = ModelInput(text: text(textTokens))
    guard patches > 0 else { return input }
    let length = side * side * 3
    input.image = PatchInput(
      patches: (0..<patches * length).map { Float($0 % 251) / 125 - 1 },
      mask: [Bool](repeating: true, count: patches), positions: Array(0..<patches))
    // What does not fit the text and the picture is history; it is not measured here.
    return input
  }
}

extension [Double] {
  /// 0 of none.
  fileprivate var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
