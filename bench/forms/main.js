// The trap visit as a form of ODK Web Forms: the nearest thing to our app that runs in a browser.

import { OdkWebForm, POST_SUBMIT__NEW_INSTANCE, webFormsPlugin } from "@getodk/web-forms";
import { createApp, h } from "vue";
import formXml from "./trap-visit.xml?raw";

createApp({
  render: () =>
    h(OdkWebForm, {
      formXml,
      fetchFormAttachment: () => Promise.reject(new Error("this form has no attachment")),
      onSubmit: ([payload], callback) => {
        globalThis.submitted = payload;
        callback?.({ next: POST_SUBMIT__NEW_INSTANCE });
      },
    }),
})
  .use(webFormsPlugin)
  .mount("#form");
