"""Everything that must be on the machine before the first process is started; parts are fetched side by side."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from deploy import page
from deploy.parts import java, kafka, mosquitto, postgres
from deploy.parts.prefix import Say

Step = Callable[[Say], object]

PARTS: Mapping[str, Sequence[Step]] = {
    "VIGIL_MQTT": (mosquitto.install,),
    "VIGIL_DATABASE": (postgres.install,),
    "VIGIL_KAFKA": (kafka.install, java.install, kafka.classes),
}


def parts(environ: Mapping[str, str], say: Say) -> None:
    """Install the parts that `environ` does not name, and build the page; the first failure is raised when all have ended."""
    steps = [step for variable, steps in PARTS.items() if variable not in environ for step in steps]
    together([*steps, page.build], say)


def together(steps: Sequence[Step], say: Say) -> None:
    """Run `steps` side by side."""
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step, say) for step in steps]:
            done.result()
