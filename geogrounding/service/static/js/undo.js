// What can be taken back, the latest first.

export class Undo {
  constructor(button, fail) {
    this.button = button;
    this.fail = fail;
    this.steps = [];
  }

  push(back) {
    this.steps.push(back);
    this.button.disabled = false;
  }

  clear() {
    this.steps = [];
    this.button.disabled = true;
  }

  async pop() {
    const back = this.steps.pop();
    this.button.disabled = this.steps.length === 0;
    if (!back) return;
    try {
      await back();
    } catch (error) {
      this.fail(error);
    }
  }
}
