# The release fills in OWNER, VERSION and SHA256, and puts the file into the tap.
class Keyrotate < Formula
  desc "Checks the age of AWS access keys and rotates them without losing one"
  homepage "https://github.com/OWNER/keyrotate"
  url "https://github.com/OWNER/keyrotate/archive/refs/tags/vVERSION.tar.gz"
  sha256 "SHA256"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"keyrotate", shell_parameter_format: :clap)
    system bin/"keyrotate", "man", "--dir", buildpath/"man"
    man1.install Dir[buildpath/"man/*.1"]
  end

  def caveats
    <<~EOS
      To have due keys rotated every day, run one of these, not both:
        brew services start keyrotate
        keyrotate timer install
      The second takes along AWS_CONFIG_FILE, HTTPS_PROXY and the like, where you have set them.
    EOS
  end

  # By the calendar: what was missed in sleep is made up for at the wake.
  service do
    run [opt_bin/"keyrotate", "auto"]
    run_type :cron
    cron "25 10 * * *"
    run_at_load false
    process_type :background
    environment_variables PATH: std_service_path_env
    log_path var/"log/keyrotate.log"
    error_log_path var/"log/keyrotate.log"
  end

  test do
    (testpath/".aws").mkpath
    (testpath/".aws/credentials").write <<~INI
      [default]
      aws_access_key_id = AKIAIOSFODNN7EXAMPLE
      aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    INI
    ENV["HOME"] = testpath.to_s
    ENV.delete_if { |name, _| name.start_with?("AWS_", "KEYROTATE_") }

    assert_match version.to_s, shell_output("#{bin}/keyrotate --version")
    # 12: nothing was asked of AWS yet, and unknown is not fine.
    output = shell_output("#{bin}/keyrotate status --offline", 12)
    assert_match "AKIAIOSFODNN7EXAMPLE", output
    assert_match "never observed", output
  end
end
