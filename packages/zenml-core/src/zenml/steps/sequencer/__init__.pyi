# Sequencer steps: rows become windows of a sequence. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.sequencer.base import Sequencer as Sequencer
from zenml.steps.sequencer.standard import StandardSequencer as StandardSequencer
