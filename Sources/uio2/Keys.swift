import AccessKeys
import ArgumentParser
import Foundation
import Reporting
import RobotInterface

/// `uio2 keys`: who may command a daemon.
struct Keys: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make and list the keys with which a daemon's clients prove who they are.",
    discussion: """
      A daemon that is started with --keys answers nobody without a key of its folder. A robot's key flies sessions of its own and stops \
      anybody; an operator's key also resumes, resets and releases any session, and asks the model.

        uio2 keys new arm-1
        uio2 keys new ann --role operator
        uio2 serve --keys ~/.config/uio2/keys --bind tcp://0.0.0.0:5555

      `new` writes two files in the format of ZeroMQ's certificates: NAME.key, which stays in the daemon's folder, and NAME.key_secret, \
      for this user alone, which belongs on the client's machine (--key). The first key brings the daemon's own with it (daemon.key, \
      daemon.key_secret). To take a key away remove its NAME.key and send the daemon a SIGHUP: its sessions are stopped, and it is let \
      in no more.
      """,
    subcommands: [New.self, List.self, Token.self])

  struct Folder: ParsableArguments {
    @Option(
      name: .customLong("directory"),
      help: ArgumentHelp("The folder of keys (default: ~/.config/uio2/keys).", valueName: "folder"),
      completion: .directory)
    var directory: String?

    var folder: KeyFolder {
      let standard = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".config/uio2/keys").path
      return KeyFolder(path: directory.map { URL(filePath: $0).path } ?? standard)
    }
  }

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key, with a token for wires over HTTP.",
      discussion: """
        The token is in the private file (uio2 keys token shows it); the daemon's folder has only its SHA-256. A daemon that runs lets \
        the new key in after a SIGHUP.
        """)

    @Argument(help: "Of who will hold it: letters, digits, “-”, “_” and “.”.")
    var name: String

    @Option(help: "What it permits.")
    var role = PeerIdentity.Role.robot

    @OptionGroup var place: Folder

    func run() throws {
      let folder = place.folder
      do throws(RobotError) { try folder.make(name, role) } catch { throw CommandFailure(keys: error) }
      try Console.say(
        """
        \(folder.publicFile(name))  stays in the daemon's folder: \(role.rawValue)
        \(folder.privateFile(name))  for the client alone: move it there (--key), and keep no copy
        """)
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the keys of a folder.",
      discussion: "The exit code is 65 when a file is not in order: a daemon refuses to start with such a folder.")

    @OptionGroup var place: Folder

    func run() throws {
      let folder = place.folder
      let found: (holders: [KeyFolder.Holder], problems: [RobotError])
      do throws(RobotError) {
        _ = try folder.daemonPair()
        found = try folder.holders()
      } catch { throw CommandFailure(keys: error) }
      var table = TextTable(
        header: ["key", "role", "token", "public key", ""], alignment: [.left, .left, .left, .left, .left])
      for holder in found.holders {
        table.append([
          holder.identity.name, holder.identity.role.rawValue, holder.tokenHash == nil ? "no" : "yes",
          holder.publicKey.text, holder.hasPrivateFile ? "its private file lies here still" : "",
        ])
      }
      try Console.say(table.text)
      for problem in found.problems { Console.complain("uio2: \(problem.subject): \(problem.message)") }
      if !found.problems.isEmpty { throw ExitCode.badData }
    }
  }

  struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the token of a private key: Authorization: Bearer TOKEN, or openpi's api_key.")

    @Argument(help: "NAME.key_secret.", completion: .file())
    var file: String

    func run() throws {
      let token: String
      do throws(RobotError) { token = try ClientKey.token(of: file) } catch { throw CommandFailure(keys: error) }
      try Console.say(token)
    }
  }
}

extension PeerIdentity.Role: ExpressibleByArgument {}
