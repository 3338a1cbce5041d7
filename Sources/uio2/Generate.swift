import ArgumentParser
import Foundation
import UnifiedIO

/// `uio2 generate`: a prompt and pictures in, an answer out.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give a model a prompt and pictures and print its answer.",
    discussion: """
      The prompt is said to the model as it is. {box} in it becomes the four location tokens of --box; <image_input> and \
      <image_history_1> name pictures, with a space before them. Locations in the answer read <extra_id_200> to \
      <extra_id_1199>; every four in a row are also shown as a box in pixels (--json, --draw).

        uio2 generate --model large --image cat.jpg --prompt "Describe the cat."
        uio2 generate --model large --image cat.jpg --box 10,20,200,180 \\
          --prompt "Describe {box} ." --json

      Not built yet: --video, --audio, and image or audio output.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var pictures: PictureOptions

  @Option(help: "What is said to the model.")
  var prompt: String

  @Option(help: "What the answer is: text; image and audio are not built yet.")
  var output: TargetModality = .text

  @OptionGroup var sampling: SamplingOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("Draw the boxes of the answer onto the picture, as PNG.", valueName: "file"))
  var draw: String?

  func validate() throws {
    if pictures.images.isEmpty, draw != nil || pictures.box != nil {
      throw ValidationError("--box and --draw need an --image.")
    }
  }

  func run() throws {
    try pictures.check()
    try Medium(rawValue: output.rawValue)?.checkWritable()
    let image = try pictures.picture()
    let input = TaskInput(prompt: prompt, image: image, history: try pictures.history(), box: pictures.box)
    let report = try ModelRun.start(model) { runner, bar in
      let answer = try runner.follow(input, settings: sampling.settings(bar: bar))
      var report = TaskReport(task: "generate", answer: answer)
      if let image {
        let objects = try runner.boxes(in: answer, of: image)
        if !objects.isEmpty { report.objects = objects.map(TaskReport.Object.init) }
        if let draw { try PictureFile.write(image.drawing(objects), to: draw) }
      }
      return report
    }
    Console.say(json ? try JSONFile.text(report) : report.answer?.text ?? "")
  }
}

extension TargetModality: ExpressibleByArgument {}
