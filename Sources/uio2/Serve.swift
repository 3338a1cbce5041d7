import AccessKeys
import ArgumentParser
import ControlDaemon
import Foundation
import Logging
import Processes
import Recording
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import UnifiedIO
import WebConsole
import WebServer
import WebWires
import ZeroMQTransport

/// `uio2 serve`: runs a policy behind a socket until a signal ends it.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve a policy to robots, or a model to whoever asks.",
    discussion: """
      Loads the policy, warms it up, and answers observations with actions that lie inside its safety limits. Robots connect \
      with REQ or DEALER sockets of ZeroMQ and speak uio2.v1 (Sources/CProtocol/uio2.proto); each session is isolated from the \
      others. \
      The policy's model can also be asked (`uio2 ask`); robots go first. With --model a checkpoint is served without a policy: \
      it answers who asks, and no robot.

        uio2 serve --policy Policies/metaworld-mt5
        uio2 serve --policy Policies/metaworld-mt5 --bind ipc:///run/uio2.sock --log-level debug
        uio2 serve --listen tcp://127.0.0.1:5555 --listen openpi://127.0.0.1:8000 --listen http://127.0.0.1:9464
        uio2 serve --listen tcp://127.0.0.1:5555 --listen console://127.0.0.1:8080 --operator ~/.uio2-operator
        uio2 serve --model large

      --listen opens any number of wires: tcp:// and ipc:// as --bind, zmtp:// and zmtp+ipc:// for the same clients without libzmq on this \
      side (docs/reliability.md), openpi:// and vla-eval:// for the clients of those projects, \
      http:// for /metrics, /healthz and /readyz, console:// for a page with live pictures and a stop button (docs/console.md). \
      --listen-file names addresses in a file, and which key of a client's observations is what (docs/wires.md); topics:// there is an \
      arm whose cameras and joints are processes that publish on their own.

      A session belongs to the client that said hello first: only it may observe, reset and resume. Anyone may stop a robot. \
      With --operator a program of this user may do so as well, and free a name whose owner has lost its token: it sends the token of \
      that file.

      With --keys every address answers only who holds a key of that folder (uio2 keys): ZeroMQ's clients by CURVE, which encrypts, \
      those over HTTP by a token, which does not. A robot's key flies its own sessions and stops anybody's; an operator's also \
      resumes, and asks the model. SIGHUP then looks at the folder again: sessions of a key that is gone are stopped, and the key is let \
      in no more.

      A signal (SIGINT, SIGTERM, SIGQUIT, without --keys also SIGHUP) ends it cleanly: pending requests are told so, and the exit code is \
      0; a second one ends it at once. The same happens when it needs more memory than --memory-ceiling, but the exit code is then 75: start it \
      again (docs/uio2.service does); and, with 69, when the file of its ipc address or of --operator is removed or replaced. The log \
      on standard error never holds a robot up: lines that nobody reads are dropped and counted. Without --keys nobody is \
      authenticated, so each address has to be one of this machine alone: loopback or ipc.
      """)

  @Option(
    help: ArgumentHelp("The policy's folder (default: \(Locations.shippedPolicy)).", valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "In place of a policy: the folder of config.json, the weights and tokenizer.model.", valueName: "folder"),
    completion: .directory)
  var model: String?

  @Option(
    help: ArgumentHelp("With --model: LLaMA's tokenizer.model (default: the one in its folder).", valueName: "file"),
    completion: .file())
  var tokenizer: String?

  @Option(
    help: ArgumentHelp(
      "Where to listen: tcp://HOST:PORT or ipc://PATH (default: \(Endpoint.standard), unless --listen says where).",
      valueName: "address"))
  var bind: String?

  @Option(
    help: ArgumentHelp(
      "One more address: also zmtp://, zmtp+ipc://PATH, openpi://, vla-eval://, http:// or console://HOST:PORT. May be repeated.",
      valueName: "address"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp("More addresses, with the naming of each wire's observations, as JSON.", valueName: "file"),
    completion: .file())
  var listenFile: String?

  @Option(
    help: ArgumentHelp(
      "Answer only who holds a key of this folder (uio2 keys); other machines may then connect.", valueName: "folder"),
    completion: .directory)
  var keys: String?

  @Flag(
    help:
      "Listen also where other machines can connect, without --keys. Nobody is authenticated: the network must be yours alone."
  )
  var insecure = false

  @Option(
    help: ArgumentHelp(
      "Robots answered together when so many wait: shared work, but the first waits for the last.", valueName: "count"))
  var maxBatch: Int?

  @Option(
    help: ArgumentHelp(
      "Size of one request (default: what the policy's cameras need, and 1 MiB for questions; 16 MiB with --model).",
      valueName: "MiB"))
  var maxMessage: Int?

  @Option(
    help: ArgumentHelp(
      "Memory beyond which it ends with 75 (default: what the policy takes, room to work, and 1 GiB for messages).",
      valueName: "MiB"))
  var memoryCeiling: Int?

  @Option(
    name: .customLong("operator"),
    help: ArgumentHelp(
      "Write a token there that resumes, resets and frees any session, for programs of this user; loopback and ipc only, or with --keys.",
      valueName: "file"),
    completion: .file())
  var operatorFile: String?

  @OptionGroup var record: RecordOption
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var realtime: RealtimeOption
  @OptionGroup var logging: LoggingOptions

  func validate() throws {
    if policy != nil, model != nil { throw ValidationError("--policy brings its own model; leave out --model.") }
    if let maxBatch, maxBatch < 1 { throw ValidationError("--max-batch must be at least 1.") }
    if maxBatch != nil, model != nil { throw ValidationError("--max-batch is about robots; --model serves none.") }
    if record.file != nil, model != nil { throw ValidationError("--record is about robots; --model serves none.") }
    if keys != nil, insecure {
      throw ValidationError("--insecure is about a daemon that authenticates nobody; leave it out with --keys.")
    }
    if tokenizer != nil, model == nil { throw ValidationError("--tokenizer goes with --model.") }
    if let maxMessage, !(1...1024).contains(maxMessage) { throw ValidationError("--max-message must be 1 to 1024.") }
    if let memoryCeiling, !(1...(1 << 24)).contains(memoryCeiling) {
      throw ValidationError("--memory-ceiling must be 1 to \(1 << 24).")
    }
    if listenFile == nil { _ = try addresses } else { try check(named) }
  }

  private var options: DaemonOptions {
    var options = DaemonOptions()
    if let maxBatch { options.maximumBatch = maxBatch }
    options.maximumMessageBytes = maxMessage.map { $0 << 20 }
    options.requiresKeys = keys != nil
    options.memory = memoryCeiling.map { .bytes($0 << 20) } ?? .derived
    return options
  }

  private func brain() throws -> any ObservationPolicy {
    if let model {
      let folder = URL(filePath: model)
      try compute.check(checkpoint: folder)
      return try BareModel(
        directory: folder, tokenizer: tokenizer.map { URL(filePath: $0) }, weights: compute.options,
        serverVersion: UIO2.version)
    }
    let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
    try compute.check(checkpoint: bundle.modelDirectory)
    return try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
  }

  private func recorder(
    _ brain: any ObservationPolicy, _ operatorToken: SessionToken?, _ logger: Logger
  ) throws -> Recorder? {
    guard let policy = brain as? UnifiedIOPolicy else { return nil }
    return try record.begin(
      policy, format: policy.model.runner.model.weightFormat, compute, operatorToken: operatorToken?.bytes ?? [], logger
    )
  }

  private func keyRing(_ logger: Logger) throws -> KeyRing? {
    guard let keys else { return nil }
    do throws(RobotError) {
      let ring = try KeyRing(KeyFolder(path: keys)) { refusal, who in
        logger.warning("\(refusal.sentence)", metadata: who.isEmpty ? [:] : ["from": "\(who)"])
      }
      if ring.holders.isEmpty {
        logger.warning("nobody holds a key yet: uio2 keys new NAME, then SIGHUP", metadata: ["folder": "\(keys)"])
      }
      return ring
    } catch {
      throw CommandFailure(.badData, "--keys: \(error.subject): \(error.message)")
    }
  }

  /// Looks at the folder of keys again.
  private static func reload(_ ring: KeyRing, _ daemon: ControlDaemon?, _ logger: Logger) {
    let change = ring.reload()
    for problem in change.problems {
      logger.error("a key is not let in", metadata: ["file": "\(problem.subject)", "error": "\(problem.message)"])
    }
    for name in change.removed.sorted() {
      logger.notice("a key is not held any more: its sessions are stopped", metadata: ["key": "\(name)"])
    }
    daemon?.endKeys(change.removed)
    logger.notice("keys were looked at again", metadata: ["keys": "\(change.count)"])
  }

  /// Says where others could listen or come in.
  private func warn(of addresses: [ListenAddress], _ logger: Logger) {
    for address in addresses where !address.endpoint.isLocal {
      let place: Logger.Metadata = ["endpoint": "\(address.text)"]
      if keys == nil {
        logger.warning("other machines can connect, and nobody is authenticated", metadata: place)
      } else if !address.isOwnWire {
        logger.warning(
          "tokens cross this network unencrypted: put a proxy with TLS before the address, or use our own wire",
          metadata: place)
      }
    }
  }

  private func console(
    _ addresses: [ListenAddress], _ capabilities: Capabilities, _ ring: KeyRing?
  ) throws -> WebConsole? {
    guard let address = addresses.first(where: \.isConsole) else { return nil }
    var options = WebConsole.Options()
    options.hasOperator = operatorFile != nil || ring != nil
    options.allowsOtherMachines = insecure || ring != nil
    if let ring {
      // What a browser asks its user for: any name, and the token as the password.
      options.identify = { try? ring.holder(authorization: $0.header("Authorization")).get().identity }
      options.refuse = { request in
        guard case .failure(let rejection) = ring.holder(authorization: request.header("Authorization")) else {
          return nil
        }
        ring.refuse(rejection.refusal, request.peer)
        return WebResponse(
          status: 401, "expected the token of a key as the password (uio2 keys token FILE)\n",
          headers: [WebRequest.Header("WWW-Authenticate", "Basic realm=\"uio2\", charset=\"UTF-8\"")])
      }
    }
    if let rate = address.naming.rate { options.rate = rate }
    for camera in address.naming.cameras { options.projections.append(try camera.projection(for: capabilities)) }
    return WebConsole(options)
  }

  func run() throws {
    let running = Mutex<ControlDaemon?>(nil)
    let logger = logging.makeLogger(default: .info)
    let addresses = try addresses
    let ring = try keyRing(logger)
    let signals = SignalWatch { [count = Counter()] number in
      if number == SIGHUP, let ring { return Self.reload(ring, running.withLock { $0 }, logger) }
      // Whoever asks again does not want to wait for what is being computed.
      if count.next() > 1 { SignalWatch.endProcess(by: number) }
      // While the policy is loaded nobody has been promised an answer.
      guard let daemon = running.withLock({ $0 }) else { SignalWatch.endProcess(status: ExitCode.success.rawValue) }
      daemon.stop()
    }
    let operatorToken = operatorFile.map { _ in SessionToken() }
    // The place is looked at before the work; the file is made once this daemon has its policy and its address.
    if let operatorFile { try OperatorFile.check(operatorFile) }
    if record.file != nil { try record.check(policy: Locations.policy(policy ?? Locations.shippedPolicy)) }
    compute.apply()
    // Before the model is loaded and threads are started, which inherit it.
    realtime.apply(logger)
    DescriptorLimit.raise()
    let brain = try brain()
    warn(of: addresses, logger)
    let wires = WebWires(allowsOtherMachines: insecure, keys: ring)
    // After the daemon's own end, which closes what listens.
    defer { wires.shutDown() }
    let pages = DaemonPages(
      isOpen: ring == nil && addresses.contains { $0.servesRobots && !$0.endpoint.isLocal }, keys: ring)
    var options = options
    options.metrics = pages.registry
    options.operatorToken = operatorToken
    if let operatorFile, let operatorToken {
      // Asked in `run()`, when the file is there.
      let watch = OperatorFile.Watch(operatorFile, token: operatorToken)
      options.hindrance = { watch.hindrance() }
    }
    let recorder = try recorder(brain, operatorToken, logger)
    defer { recorder?.close() }
    let console = try console(addresses, brain.capabilities, ring)
    // As the wires' own thread.
    defer { console?.shutDown() }
    var observers: [any MessageObserver] = []
    if let recorder { observers.append(recorder) }
    if let console { observers.append(console.feed) }
    options.observer = MessageObservers(observers)
    let daemon: ControlDaemon
    do throws(RobotError) {
      daemon = try ControlDaemon(
        policy: brain,
        listeners: addresses.map {
          $0.listener(insecure: insecure, keys: ring, wires, pages.routes, console) { line in
            logger.warning("\(line)", metadata: ["wire": "topics"])
          }
        },
        options: options, logger: logger)
    } catch {
      // What a file or a policy says wrongly stays wrong; an address may become free.
      let isOurs = [.malformed, .unsupported].contains(error.code)
      throw CommandFailure(isOurs ? .badData : .unavailable, "\(error.subject): \(error.message)")
    }
    pages.follow(daemon)
    running.withLock { $0 = daemon }
    // Before `run()`, which is when anybody is answered.
    var token: OperatorFile?
    if let operatorFile, let operatorToken { token = try OperatorFile(path: operatorFile, token: operatorToken) }
    defer { token?.remove() }
    try withExtendedLifetime(signals) {
      do throws(RobotError) { try daemon.run() } catch {
        if daemon.hasOutgrownMemory { throw CommandFailure(.startAgain, error.description) }
        throw error
      }
    }
  }
}
