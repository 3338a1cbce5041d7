import ArgumentParser
import Files
import UnifiedIO

/// `uio2 generate`: a prompt, pictures and sound in; words, a picture or a sound out.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give a model a prompt, pictures, sound or a film; it answers in words, a picture or a sound.",
    discussion: """
      The prompt is said to the model as it is. {box} in it becomes the four location tokens of --box; <image_input> and \
      <image_history_1> name pictures, <audio_input> a sound, with a space before them. Locations in the answer read <extra_id_200> to \
      <extra_id_1199>; every four in a row are also shown as a box in pixels (--json, --draw).

        uio2 generate --model large --image cat.jpg --prompt "Describe the cat."
        uio2 generate --model large --image cat.jpg --box 10,20,200,180 \\
          --prompt "Describe {box} ." --json
        uio2 generate --model large --video dog.mp4 --prompt "What happens here?"
        uio2 generate --model large --prompt "A red fox in the snow." \\
          --output image -o fox.png
        uio2 generate --model large --prompt "Rain on a tin roof." \\
          --output audio -o rain.wav --vocoder hifigan

      A picture has the size of the picture that went in; from words it is the square that the model draws. A sound lasts 4.08 \
      seconds. Both need the image or audio tokeniser of the checkpoint.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var pictures: PictureOptions

  @Option(help: "What is said to the model.")
  var prompt: String

  @OptionGroup var answer: OutputOptions
  @OptionGroup var vocoder: VocoderOption
  @OptionGroup var sampling: SamplingOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("Draw the boxes of the answer onto the picture, as PNG.", valueName: "file"))
  var draw: String?

  func validate() throws {
    if pictures.images.isEmpty, draw != nil { throw ValidationError("--draw needs an --image.") }
    try pictures.check(prompt)
    try answer.check(sampling, readsMedia: pictures.hasMedia)
    if answer.output != .text, draw != nil { throw ValidationError("--draw goes with --output text.") }
    if answer.output != .audio, vocoder.isGiven { throw ValidationError("--vocoder goes with --output audio.") }
  }

  func run() throws {
    let inputs = model.inputs + pictures.inputs + vocoder.inputs
    let target = try answer.media.target(besides: inputs)
    let drawing = try draw.map { try OutputTarget($0, besides: inputs) }
    let input = try pictures.input(prompt, for: model), vocoder = try vocoder.load()
    let report = try ModelRun.start(model) { runner, bar in
      switch answer.output {
      case .text: try say(input, drawing, runner, bar)
      case .image: try written(drawPicture(input, runner, bar), to: target)
      case .audio: try written(makeSound(input, vocoder, runner, bar), to: target)
      }
    }
    try Console.say(json ? try JSONFile.text(report) : report.answer?.text ?? report.written?.file ?? "")
  }

  private func say(
    _ input: TaskInput, _ drawing: OutputTarget?, _ runner: TaskRunner, _ bar: ProgressBar
  ) throws -> TaskReport {
    let answer = try runner.follow(input, settings: sampling.settings(bar: bar))
    var report = TaskReport(task: "generate", answer: answer)
    if let image = input.image {
      let objects = try runner.boxes(in: answer, of: image)
      if !objects.isEmpty { report.objects = objects.map(TaskReport.Object.init) }
      try drawing?.write(image.drawing(objects).pngData())
    }
    return report
  }

  private func written(_ file: TaskResult.File, to target: OutputTarget?) throws -> TaskReport {
    var report = TaskReport(task: "generate")
    if let target { report.written = try file.write(to: target) }
    return report
  }

  private func drawPicture(_ input: TaskInput, _ runner: TaskRunner, _ bar: ProgressBar) throws -> TaskResult.File {
    try TaskResult.File(runner.makePicture(for: input, settings: mediaSettings(bar)))
  }

  private func makeSound(
    _ input: TaskInput, _ vocoder: Vocoder?, _ runner: TaskRunner, _ bar: ProgressBar
  ) throws -> TaskResult.File {
    try TaskResult.File(runner.makeSound(for: input, vocoder: vocoder, settings: mediaSettings(bar)))
  }

  private func mediaSettings(_ bar: ProgressBar) -> MediaSettings {
    sampling.mediaSettings(answer.media, bar: bar)
  }
}
