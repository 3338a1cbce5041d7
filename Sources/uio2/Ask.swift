import AccessKeys
import ArgumentParser
import Files
import Foundation
import Processes
import RobotInterface
import RobotLink
import UnifiedIO

/// `uio2 ask`: as `uio2 generate`, by the model of a daemon.
struct Ask: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask the model of a running daemon; it answers in words, a picture or a sound.",
    discussion: """
      As `uio2 generate`, but the model is the one that `uio2 serve` has loaded, here or elsewhere. Robots go first: the daemon \
      answers their observations between two tokens of the answer.

        uio2 serve --model large &
        uio2 ask --image cat.jpg --prompt "Describe the cat."
        uio2 ask --daemon tcp://10.0.0.5:5555 --prompt "A red fox in the snow." \\
          --output image -o fox.png

      A signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT) cancels: what was said so far is printed, and the exit code tells of the signal. A \
      second one does not wait for the daemon.
      """)

  @Option(help: ArgumentHelp("Where the daemon listens: tcp://HOST:PORT or ipc://PATH.", valueName: "address"))
  var daemon = Endpoint.standard.description

  @OptionGroup var keys: KeyOptions

  @Option(help: "What is said to the model.")
  var prompt: String

  @Option(
    name: .customLong("image"),
    help: ArgumentHelp(
      "A JPEG or PNG file; of several the last is the picture, the earlier ones its history.", valueName: "file"),
    completion: .file())
  var images: [String] = []

  @Option(
    help: ArgumentHelp(
      "A WAV, FLAC or OGG file; of a long one the last 4.08 seconds are what is heard, those before its history.",
      valueName: "file"),
    completion: .file())
  var audio: String?

  @Option(help: ArgumentHelp("A box in pixels of the picture, {box} in the prompt.", valueName: "x1,y1,x2,y2"))
  var box: PixelBox?

  @OptionGroup var answer: OutputOptions
  @OptionGroup var sampling: SamplingOptions

  @Option(help: ArgumentHelp("How long the daemon may be silent before it counts as gone.", valueName: "seconds"))
  var timeout: Double = 120

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try answer.check(sampling, readsMedia: !images.isEmpty || audio != nil)
    try BoxInPrompt.check(prompt, hasBox: box != nil, hasPicture: !images.isEmpty)
    _ = try Endpoint(daemon, for: .connect, option: "--daemon")
    try checkProtocol()
    guard timeout > 0, timeout <= 86_400 else { throw ValidationError("--timeout: must be above 0, at most a day") }
  }

  /// Refuses what a message to a daemon cannot say.
  private func checkProtocol() throws {
    let tokens = 1...ProtocolLimits.maximumTokens, beams = 1...ProtocolLimits.maximumBeams
    if let asked = sampling.maxTokens, !tokens.contains(asked) {
      throw ValidationError("--max-tokens must be 1 to \(tokens.upperBound) here, found \(asked).")
    }
    guard beams.contains(sampling.beams) else {
      throw ValidationError("--beams must be 1 to \(beams.upperBound) here, found \(sampling.beams).")
    }
  }

  func run() throws {
    let key = try keys.load()
    let target = try answer.media.target(besides: images + [audio].compactMap(\.self)), request = try request()
    let bar = ProgressBar("asking")
    defer { bar.end() }
    let client = try connected(key)
    let signals = SignalWatch { [count = Counter()] number in
      guard count.next() > 1 else { return }
      bar.end()
      SignalWatch.endProcess(by: number)
    }
    let result: GenerationResult
    do throws(ClientError) {
      client.timeout = .seconds(timeout)
      result = try client.generate(request) { progress in
        _ = bar.observer(TaskProgress(unit: .tokens, done: progress.tokens, total: progress.limit))
      } isCancelled: {
        signals.received != nil
      }
    } catch {
      throw CommandFailure(asking: error)
    }
    bar.end()
    let report = try TaskReport(result, target: target)
    let text = json ? try JSONFile.text(report) : report.written?.file ?? result.text
    if !text.isEmpty { try Console.say(text) }
    if result.finishReason == .cancelled {
      throw CommandFailure(.signal(signals.received ?? SIGINT), "cancelled after \(result.tokens.count) tokens of text")
    }
  }

  /// A client that has heard from the daemon: an address where nobody listens shall not take the whole time-out.
  private func connected(_ key: ClientKey?) throws -> RobotClient {
    do throws(ClientError) {
      let session = "ask-\(UInt64.random(in: .min ... .max))"
      let client = try RobotClient(
        endpoint: daemon, sessionID: session, key: key, timeout: .seconds(min(timeout, 10)))
      // From before the greeting on, so that no end of the daemon is missed.
      client.watchConnection()
      _ = try client.hello(clientName: "uio2 ask", clientVersion: UIO2.version)
      return client
    } catch {
      throw CommandFailure(asking: error)
    }
  }

  private func request() throws -> GenerationRequest {
    let output: GenerationRequest.Output =
      switch answer.output {
      case .text: .text
      case .image: .image
      case .audio: .audio
      }
    return GenerationRequest(
      prompt: prompt, output: output, images: try images.map(Self.frame), audio: try audio.map(Self.read) ?? [],
      box: box.map { .init(minX: $0.minX, minY: $0.minY, maxX: $0.maxX, maxY: $0.maxY) },
      maximumTokens: sampling.maxTokens, temperature: sampling.temperature, topK: sampling.topK, topP: sampling.topP,
      seed: sampling.seed ?? 0, beams: sampling.beams, guidance: answer.media.guidance,
      negativePrompt: answer.media.negativePrompt ?? "", progressInterval: 200_000_000)
  }

  private static func frame(_ path: String) throws -> CameraFrame {
    let file = try read(path)
    let picture: Image
    do { picture = try Image.decode(file) } catch { throw ModelError(error.code, path, error.message) }
    return CameraFrame(
      camera: "", encoding: file.starts(with: [0xFF, 0xD8, 0xFF]) ? .jpeg : .png, width: picture.width,
      height: picture.height, data: file)
  }

  private static func read(_ path: String) throws -> [UInt8] {
    do { return try InputFile.bytes(of: path) } catch { throw ModelError(error) }
  }
}

extension CommandFailure {
  /// Why the daemon gave no answer.
  fileprivate init(asking error: ClientError) {
    switch error {
    case .refused(let error) where error.code == .shuttingDown || error.code == .overloaded:
      self.init(.unavailable, error.description)
    case .refused(let error), .invalidRequest(let error): self.init(.badData, error.description)
    case .notAdmitted, .timedOut, .disconnected, .transport, .invalidReply, .late, .policyChanged:
      self.init(.unavailable, error.description)
    }
  }
}
