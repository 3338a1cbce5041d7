import Foundation
import Testing
import UnifiedIO

/// Every picture, text and box of the reference's examples. Set `UIO2_GOLDENS` to a directory with the complete
/// `preproc.safetensors` to compare all patches instead of every eighth.
@Suite struct PreprocessGoldenTests {
  let golden: GoldenTensors
  let preprocessor: Preprocessor
  /// Far below what one 8-bit step makes (0.004).
  let tolerance: Float = 1e-5

  init() throws {
    let complete = ProcessInfo.processInfo.environment["UIO2_GOLDENS"]
    golden = try GoldenTensors(
      complete.map { URL(fileURLWithPath: $0).appendingPathComponent("preproc.safetensors") }
        ?? Fixtures.url("tiny-a/preproc.safetensors"))
    preprocessor = Preprocessor(tokenizer: try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model")))
  }

  private func picture(_ name: String) throws -> Image {
    try Image.decode(try Fixtures.bytes("tiny-a/media/\(name).png"))
  }

  private func check(_ input: PatchInput, _ name: String, frame: Int? = nil) throws {
    let shape = try golden.shape("\(name)/input")
    let frameLength = shape.suffix(2).reduce(1, *)
    let offset = (frame ?? 0) * frameLength
    let reference = Array(try golden.floats("\(name)/input")[offset..<(offset + frameLength)])
    let step = input.count / shape[shape.count - 2]
    let difference = PixelDifference(input.patches, reference: reference, step: step)
    #expect(difference.largest < tolerance, "\(difference)")
    let maskOffset = (frame ?? 0) * input.count
    let mask = try golden.integers("\(name)/mask")[maskOffset..<(maskOffset + input.count)]
    #expect(input.mask == mask.map { $0 != 0 })
    let positions = try golden.integers("\(name)/pos_ids")[maskOffset..<(maskOffset + input.count)]
    #expect(input.positions == positions.map(Int.init))
    #expect(input.patches.count == input.count * 768)
  }

  private func checkSums(_ patches: [Float], _ name: String) throws {
    guard golden.contains("\(name).sum_abssum") else { return }
    let sums = try golden.floats("\(name).sum_abssum")
    let total = patches.reduce(0) { $0 + Double($1) }
    let absolute = patches.reduce(0) { $0 + Double(abs($1)) }
    // The goldens keep the sums in single precision.
    #expect(abs(total - Double(sums[0])) < absolute * 1e-6)
    #expect(abs(absolute - Double(sums[1])) < absolute * 1e-6)
  }

  @Test(arguments: [
    ("ex0_robot_img", "img_256x128"), ("ex1_box", "img_480x640"), ("ex2_history", "img_384x384"),
    ("ex3_wide", "img_100x300"), ("ex10_mixed", "img_480x640"),
  ])
  func imageInputsAreTheReferences(example: String, file: String) throws {
    let input = try preprocessor.imageInput(try picture(file))
    try check(input, "\(example)/inputs/image")
    try checkSums(input.patches, "\(example)/inputs/image/input")
  }

  @Test(arguments: [
    ("ex2_history", ["hist0_256x128", "hist1_200x320", "hist2_256x256"]),
    ("ex10_mixed", ["hist0_256x128", "hist1_200x320"]),
  ])
  func historyFramesAreTheReferences(example: String, files: [String]) throws {
    let frames = try preprocessor.historyInputs(try files.map(picture))
    #expect(frames.count == files.count)
    for (index, frame) in frames.enumerated() {
      try check(frame, "\(example)/inputs/image_history", frame: index)
    }
    try checkSums(frames.flatMap(\.patches), "\(example)/inputs/image_history/input")
  }

  @Test(arguments: [
    ("ex0_robot_img", "img_256x128"), ("ex1_box", "img_480x640"), ("ex2_history", "img_384x384"),
    ("ex3_wide", "img_100x300"),
  ])
  func imageInformationIsTheReferences(example: String, file: String) throws {
    let image = try picture(file)
    let placement = try preprocessor.imagePlacement(width: image.width, height: image.height)
    #expect(placement.information == (try golden.floats("\(example)/meta/image_info")))
  }

  @Test(arguments: [
    ("ex0_robot_img", "What should the robot do? Rearrange the red block and the bowl in <image_input> ."),
    ("ex2_history", "Compare <image_history_1> and <image_history_2> with <image_input>"),
    ("ex3_wide", "Write a caption"),
  ])
  func promptsAreTheReferences(example: String, prompt: String) throws {
    #expect(preprocessor.textInput(prompt) == (try golden.integers("\(example)/inputs/text/tokens")))
  }

  @Test(arguments: [
    ("ex1_box", "Describe the object at {box} ."),
    ("ex10_mixed", "Watch <image_history_1> , listen to <audio_input> , look at {box} and act."),
  ])
  func promptsWithABoxAreTheReferences(example: String, prompt: String) throws {
    let placement = try preprocessor.imagePlacement(width: 640, height: 480)
    let box = PixelBox(minX: 160, minY: 144, maxX: 448, maxY: 384)
    let tokens = try preprocessor.textInput(prompt, box: box, in: placement)
    #expect(tokens == (try golden.integers("\(example)/inputs/text/tokens")))
  }

  @Test(arguments: [
    (
      "ex0_robot_img",
      "1: pick from ( <extra_id_345> <extra_id_1010> <extra_id_200> ) and place to ( <extra_id_400> <extra_id_555> <extra_id_1199> )"
    ),
    ("ex1_box", "a wooden bowl"),
    ("ex2_history", "put the star into the pan"),
    (
      "ex10_mixed",
      "0: push from ( <extra_id_203> <extra_id_1100> <extra_id_999> ) to ( <extra_id_777> <extra_id_888> <extra_id_222> )"
    ),
  ])
  func textTargetsAreTheReferences(example: String, text: String) throws {
    let target = preprocessor.textTarget(text)
    #expect(target.tokens == (try golden.integers("\(example)/targets/text/targets")))
    #expect(target.decoderInput == (try golden.integers("\(example)/targets/text/inputs")))
  }

  @Test func undoneBoxesAreTheReferences() throws {
    let placement = try preprocessor.imagePlacement(width: 640, height: 480)
    let boxes = try golden.floats("undo_box.in")
    let expected = try golden.floats("undo_box.out")
    for start in stride(from: 0, to: boxes.count, by: 4) {
      let box = placement.undo(
        PixelBox(minX: boxes[start + 1], minY: boxes[start], maxX: boxes[start + 3], maxY: boxes[start + 2]))
      #expect([box.minY, box.minX, box.maxY, box.maxX] == Array(expected[start..<(start + 4)]))
    }
  }
}
