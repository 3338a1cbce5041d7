import Tensors
import UnifiedIO

/// The image and audio tokenisers, both ways, with the stages on the way.
enum CodecsParity: ParityPart {
  static let name = "codecs"
  /// Decoded pictures and spectrograms are held to this, relative.
  static let decodedTolerance = 1e-3
  /// Two codes whose squared distances differ by less than this are a tie: rounding decides.
  static let tie: Float = 1e-4

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(name, in: context.folder)
    if context.model.hasTokenizer(.image) {
      try compareImages(context, golden, row: row)
    } else {
      skip("image.*", "the checkpoint has no image tokeniser")
    }
    if context.model.hasTokenizer(.audio) {
      try compareAudio(context, golden, row: row)
    } else {
      skip("audio.*", "the checkpoint has no audio tokeniser")
    }
  }

  /// Our names of the golden stages.
  private static let imageStages = [
    "image.z": "image.z", "image.encoder_out": "image.encoder_out", "image.conv_in": "image.conv_in",
    "image.d00": "image.down_0_block_0", "image.d0ds": "image.down_0_downsample", "image.d3a0": "image.down_3_attn_0",
    "image.midattn": "image.encoder.mid_attn_1", "image.dec_mid": "image.decoder.mid_block_2",
  ]

  private static func compareImages(
    _ context: ParityContext, _ golden: GoldenPart, row: (ParityRow) -> Void
  ) throws(ModelError) {
    var seen: [String: Tensor] = [:]
    let record: Probe = { seen[$0] = $1 }
    let target = try OwnPreprocessing(context).imageTarget("ex4_text2image")
    let matches = try context.model.imageCodes(of: target, probe: record)
    row(identical("image.indices", matches, try golden.integers("image.indices")))
    row(try compare(golden, "image.margin", matches.map(\.margin), tolerance: decodedTolerance))
    let decoded = try context.model.decodedImage(codes: try golden.integers("image.codes"), probe: record)
    row(try compareMap(golden, "image.decoded", decoded, tolerance: decodedTolerance))
    for (tensor, stage) in imageStages.sorted(by: { $0.key < $1.key }) where golden.has(tensor) {
      row(try compareMap(golden, tensor, seen[stage], tolerance: tolerance))
      if golden.has("\(tensor).sum_abssum") { row(try compareSums(golden, tensor, seen[stage])) }
    }
  }

  private static func compareAudio(
    _ context: ParityContext, _ golden: GoldenPart, row: (ParityRow) -> Void
  ) throws(ModelError) {
    var seen: [String: Tensor] = [:]
    let record: Probe = { seen[$0] = $1 }
    let target = try context.examples().audioTarget("ex9_text2audio")
    let matches = try context.model.audioCodes(ofNormalized: target, probe: record)
    row(identical("audio.indices", matches, try golden.integers("audio.indices")))
    row(try compare(golden, "audio.margin", matches.map(\.margin), tolerance: decodedTolerance))
    row(
      identical(
        "audio.seq_targets", try context.model.audioSequence(of: matches), try golden.integers("audio.seq_targets"),
        offset: 2))
    let decoded = try context.model.decodedSpectrogram(codes: try golden.integers("audio.codes"), probe: record)
    row(try compare(golden, "audio.decoded", decoded.values, tolerance: decodedTolerance))
    for stage in ["audio.z", "audio.enc_transformer", "audio.dec_transformer"] {
      row(try compare(golden, stage, seen[stage]?.values ?? [], tolerance: tolerance))
    }
  }

  private static func compare(
    _ golden: GoldenPart, _ tensor: String, _ ours: [Float], tolerance: Double
  ) throws(ModelError) -> ParityRow {
    var comparison = Comparison()
    let values = try golden.floats(tensor).values
    if ours.count == values.count { comparison.add(ours, values) }
    return ParityRow(part: name, tensor: tensor, comparison, tolerance: tolerance)
  }

  /// A feature map `[channels, height, width]` against some of the reference's rows and columns, at equal distances.
  static func compareMap(
    _ golden: GoldenPart, _ tensor: String, _ ours: Tensor?, tolerance: Double
  ) throws(ModelError) -> ParityRow {
    var comparison = Comparison()
    let shape = golden.shape(tensor)
    if let ours, ours.shape.count == 3, shape.count == 4, shape[1] == ours.shape[0], shape[2] > 0, shape[3] > 0 {
      let (height, width) = (ours.shape[1], ours.shape[2])
      let (rowStride, columnStride) = (height / shape[2], width / shape[3])
      let kept = ours.withSpan { span in
        (0..<shape[1]).flatMap { channel in
          (0..<shape[2]).flatMap { y in
            (0..<shape[3]).map { x in span[(channel * height + y * rowStride) * width + x * columnStride] }
          }
        }
      }
      comparison.add(kept, try golden.floats(tensor).values)
    }
    return ParityRow(part: golden.name, tensor: tensor, comparison, tolerance: tolerance)
  }

  /// Where the file keeps some columns only, rows had been picked before, and the sums are over these.
  private static func compareSums(
    _ golden: GoldenPart, _ tensor: String, _ ours: Tensor?
  ) throws(ModelError) -> ParityRow {
    var comparison = Comparison()
    let shape = golden.shape(tensor), name = "\(tensor).sum_abssum"
    if let ours, ours.shape.count == 3, shape.count == 4, shape[2] > 0 {
      let height = ours.shape[1], stride = ours.shape[2] == shape[3] ? 1 : height / shape[2]
      let rows = ours.reshaped([ours.shape[0] * height, ours.shape[2]])
      let values = (0..<rows.rows).filter { $0 % height % stride == 0 }.flatMap { rows.row($0) }
      let sums = [values.reduce(0.0) { $0 + Double($1) }, values.reduce(0.0) { $0 + Double(abs($1)) }]
      comparison.add(sums.map { Float($0) }, try golden.floats(name).values)
    }
    return ParityRow(part: Self.name, tensor: name, comparison, tolerance: tolerance)
  }
}

extension ParityPart {
  /// A row for codes, which must be identical except where two are equally near.
  static func identical(_ tensor: String, _ ours: [Codebook.Match], _ golden: [Int], offset: Int = 0) -> ParityRow {
    var ties = 0
    let resolved = zip(ours, golden).map { match, expected in
      let index = match.index + offset
      if index != expected, match.margin < CodecsParity.tie {
        ties += 1
        return expected
      }
      return index
    }
    return identical(
      tensor, ours.count == golden.count ? resolved : ours.map(\.index), golden,
      note: ties == 0 ? "" : "\(ties) ties fell the other way")
  }
}
