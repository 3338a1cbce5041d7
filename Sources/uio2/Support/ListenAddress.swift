import AccessKeys
import ArgumentParser
import OpenPI
import RobotInterface
import RobotLink
import TopicsWire
import VLAEval
import WebConsole
import WebServer
import WebWires
import ZMTPWire
import ZeroMQTransport

/// Where `serve` listens, and for whom: our own wire, another's, or whoever looks after the daemon.
struct ListenAddress {
  /// Who comes in there.
  enum Wire {
    /// Robots and people who ask, over libzmq.
    case zeromq
    /// The same, over ZMTP without libzmq.
    case zmtp
    case openpi(keys: OpenPIKeys?, clock: RobotClock, chunks: ChunkExecution)
    case vlaEval(keys: VLAKeys?)
    /// `/metrics`, `/healthz`, `/readyz`.
    case http
    /// A page for people.
    case console
    /// Cameras and an arm that publish on their own.
    case topics(TopicSettings)
  }

  let text: String
  /// Where it was said.
  let option: String
  let wire: Wire
  let endpoint: Endpoint
  /// What a file says of the wire.
  let naming: ListenFile.Naming

  /// Reads the value of an option.
  ///
  /// - Parameters:
  ///   - option: named where the value is wrong.
  ///   - naming: what a file says of the wire.
  /// - Throws: `ValidationError`.
  init(_ text: String, option: String, naming: ListenFile.Naming = .init()) throws {
    self.text = text
    self.option = option
    self.naming = naming
    let scheme = text.firstRange(of: "://").map { String(text[..<$0.lowerBound]) } ?? ""
    switch scheme {
    case "openpi": wire = .openpi(keys: naming.openpi, clock: naming.clock, chunks: naming.chunks)
    case "vla-eval": wire = .vlaEval(keys: naming.vlaEval)
    case "http": wire = .http
    case "console": wire = .console
    case "topics":
      guard let topics = naming.topics else {
        throw ValidationError("\(option): topics:// needs to know its sources; name it in the file of --listen-file")
      }
      wire = .topics(topics)
    case "zmtp", "zmtp+ipc":
      wire = .zmtp
      let plain = scheme == "zmtp" ? "tcp" + text.dropFirst(scheme.count) : String(text.dropFirst("zmtp+".count))
      endpoint = try Endpoint(plain, for: .listen, option: option)
      return
    case "tcp", "ipc", "":
      wire = .zeromq
      endpoint = try Endpoint(text, for: .listen, option: option)
      return
    default:
      throw ValidationError(
        "\(option): \(scheme):// is not spoken here; expected tcp://HOST:PORT, ipc://PATH, zmtp://HOST:PORT, zmtp+ipc://PATH, "
          + "openpi://HOST:PORT, vla-eval://HOST:PORT, topics://HOST:PORT, http://HOST:PORT or console://HOST:PORT")
    }
    do throws(RobotError) {
      endpoint = try Endpoint("tcp" + text.dropFirst(scheme.count), for: .listen)
    } catch {
      throw ValidationError("\(option): \(error.message.replacing("tcp://", with: scheme + "://"))")
    }
  }

  /// The value of `--bind`: an address of our own wire.
  ///
  /// - Throws: `ValidationError`.
  init(bound text: String) throws {
    (self.text, option, wire, naming) = (text, "--bind", .zeromq, .init())
    endpoint = try Endpoint(text, for: .listen, option: "--bind")
  }

  /// Whether it is our own wire, the only one that encrypts.
  var isOwnWire: Bool {
    switch wire {
    case .zeromq, .zmtp: true
    case .openpi, .vlaEval, .http, .console, .topics: false
    }
  }

  /// Whether the operator's token travels there.
  var carriesTokens: Bool {
    switch wire {
    case .zeromq, .zmtp, .console: true
    case .openpi, .vlaEval, .http, .topics: false
    }
  }

  /// Whether a robot or somebody who asks can come in there.
  var servesRobots: Bool {
    switch wire {
    case .http, .console: false
    case .zeromq, .zmtp, .openpi, .vlaEval, .topics: true
    }
  }

  /// Whether it is a page for people.
  var isConsole: Bool { if case .console = wire { true } else { false } }

  /// The listener of a daemon.
  ///
  /// - Parameters:
  ///   - insecure: whether other machines may connect although nobody is authenticated.
  ///   - keys: who may connect; `nil`: anybody.
  ///   - wires: the thread of what is not ZeroMQ.
  ///   - routes: of an http address.
  ///   - console: of a console's address.
  ///   - note: is told what is new about sources that publish.
  func listener(
    insecure: Bool, keys: KeyRing?, _ wires: WebWires, _ routes: [String: @Sendable (WebRequest) -> WebResponse],
    _ console: WebConsole?, note: @escaping @Sendable (String) -> Void
  ) -> ListenerMaker {
    switch wire {
    case .zeromq, .zmtp:
      var socket = RouterSocket.Options()
      socket.allowsOtherMachines = insecure
      socket.keys = keys
      if case .zmtp = wire { return ZMTPListener.at(endpoint, options: socket) }
      return ZeroMQListener.at(endpoint, options: socket)
    case .openpi(let keys, let clock, let chunks):
      return wires.openPI(at: endpoint, keys: keys, clock: clock, chunks: chunks)
    case .vlaEval(let keys): return wires.vlaEval(at: endpoint, keys: keys)
    case .http: return wires.http(at: endpoint, routes: routes, open: ["/healthz", "/readyz"])
    case .topics(let settings): return TopicsListener.at(endpoint, settings, note: note)
    case .console: return console?.listener(at: endpoint) ?? wires.http(at: endpoint, routes: [:])
    }
  }
}
