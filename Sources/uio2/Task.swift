import ArgumentParser
import Files
import UnifiedIO

/// `uio2 task`: the tasks of the release, with their prompts and typed results.
struct RunTask: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Run a task of the release: questions, captions, boxes, joints, depth, masks, pictures, sounds.",
    discussion: """
      Each task has its prompt (--wording 0 is the one that the release evaluates with), its limit of tokens and its result; \
      boxes, points, depths and masks are in pixels of the picture. -o \
      writes a depth map as a PNG of 16 bits (millimetres, white would be 10 m), normals as colours (0 to 255 for −1 to 1), a mask \
      white on black; --draw shows boxes, joints and masks on the picture, and a depth map in grey.

        uio2 task vqa --model large --image cat.jpg --text "What colour is it?"
        uio2 task localization --model large --image a.jpg --text cat --draw b.png
        uio2 task keypoints --model large --image crowd.jpg --json
        uio2 task depth --model large --image room.jpg -o depth.png
        uio2 task segmentation --model large --image a.jpg --box 9,9,90,90 \\
          --text cat --draw b.png
        uio2 task audio-generation --model large --text "rain" -o rain.wav

      \(table)
      """)

  private static let table: String = {
    let width = TaskKind.allCases.map(\.rawValue.count).max() ?? 0
    let rows = TaskKind.allCases.map { kind in
      let limit = kind.maximumTokens > 0 ? " [\(kind.maximumTokens)]" : ""
      return "  " + kind.rawValue + String(repeating: " ", count: width + 2 - kind.rawValue.count) + kind.summary
        + limit
    }
    return (["Tasks [tokens at most]:"] + rows).joined(separator: "\n")
  }()

  @Argument(help: ArgumentHelp("One of the tasks above.", valueName: "name"))
  var name: TaskKind

  @OptionGroup var model: ModelOptions
  @OptionGroup var pictures: PictureOptions

  @Option(
    help: """
      The question (vqa), the expression (refexp, segmentation), the category (localization), the instruction (instruction, action, \
      image-editing), what there is to see or hear (image-generation, inpainting, audio-generation), what is in the box \
      (segmentation).
      """)
  var text: String?

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp("A category to choose from (categorization, box-classification).", valueName: "text"))
  var options: [String] = []

  @Option(help: "The robot's state as numbers between 0 and 1 with commas between (action).")
  var state: String?

  @Option(help: "Which wording of the prompt: 0 the release's, from 1 our own.")
  var wording: Int?

  @Option(
    help: """
      Boxes go on while the probability of a location is above this (localization, segmentation: 0.3, detection and keypoints: 0.5).
      """)
  var threshold: Double?

  @Option(
    help:
      "Boxes that overlap an earlier one by more than this are dropped (localization, detection, segmentation: 0.8).")
  var overlap: Float?

  @Flag(help: "Let the model speak freely instead of holding it to a box or to all joints (refexp, keypoints).")
  var freeForm = false

  @Flag(help: "Do not ask for the category again (localization).")
  var boxesOnly = false

  @Flag(help: "Find the categories of COCO (detection).")
  var coco = false

  @Flag(
    help: "Find all regions of the category first, then mark the pixels in each, as the release does (segmentation).")
  var instances = false

  @Flag(help: "Compare by the sum over the tokens rather than the average (categorization, box-classification).")
  var sum = false

  @Flag(help: "Score one end token; the released runner scores two (categorization, box-classification).")
  var singleEnd = false

  @OptionGroup var media: MediaOutputOptions
  @OptionGroup var vocoder: VocoderOption
  @OptionGroup var sampling: SamplingOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Draw boxes, joints or masks onto the picture, or a depth map in grey, as PNG.", valueName: "file"))
  var draw: String?

  func validate() throws { try checkOptions() }

  func run() throws {
    let inputs = model.inputs + pictures.inputs + vocoder.inputs
    let target = try media.target(besides: inputs), picture = try draw.map { try OutputTarget($0, besides: inputs) }
    if let target, let picture, target.isSameFile(as: picture) {
      throw ValidationError("-o and --draw name the same file.")
    }
    let work = try makeWork()
    var result = try ModelRun.start(model, work)
    if let picture, let drawing = result.drawing { try picture.write(drawing.pngData()) }
    if let target, let file = result.file { result.report.written = try file.write(to: target) }
    try Console.say(json ? try JSONFile.text(result.report) : result.report.text)
  }
}

extension TaskKind: ExpressibleByArgument {}
